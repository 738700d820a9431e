package drops_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

var certificate = sync.OnceValue(func() tls.Certificate {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	der := must(x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// onTLS runs a test on Conns above TLS above the Conns of onBoth.
func onTLS(t *testing.T, test func(t *testing.T, upper, lower pair)) {
	t.Helper()
	certificate() // not in a bubble
	onBoth(t, func(t *testing.T, p pair) {
		client, server := shakeTLS(t, p.dialed, p.accepted)
		upper := pair{drops.Wrap(client), drops.Wrap(server), p.blocked}
		closeAfter(t, upper.dialed, upper.accepted)
		test(t, upper, p)
	})
}

func shakeTLS(t *testing.T, dialed, accepted net.Conn) (client, server *tls.Conn) {
	t.Helper()
	client = tls.Client(dialed, &tls.Config{InsecureSkipVerify: true})
	server = tls.Server(accepted, &tls.Config{Certificates: []tls.Certificate{certificate()}, SessionTicketsDisabled: true})
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), <-shaken); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestSilenceAboveTLSLosesNothing(t *testing.T) {
	for _, silence := range []drops.Silence{{}, {In: true}, {Out: true}} {
		onTLS(t, func(t *testing.T, p, _ pair) {
			wantInject(t, silence, p.dialed)
			wantWrite(t, p.dialed, "up")
			wantWrite(t, p.accepted, "down")
			if silence.In || !silence.Out {
				wantNothing(t, p.dialed)
			}
			if silence.Out || !silence.In {
				wantNothing(t, p.accepted)
			}
			p.dialed.Heal()
			wantRead(t, p.dialed, "down")
			wantRead(t, p.accepted, "up")
		})
	}
}

func TestInjectForAboveTLSHealsInTime(t *testing.T) {
	onTLS(t, func(t *testing.T, p, _ pair) {
		if err := p.dialed.InjectFor(drops.Stall{}, brief); err != nil {
			t.Fatal(err)
		}
		wantWrite(t, p.accepted, "withheld")
		wantRead(t, p.dialed, "withheld")
	})
}

func TestSlowAndBytewiseAboveTLS(t *testing.T) {
	onTLS(t, func(t *testing.T, p, _ pair) {
		wantInject(t, drops.Slow{Latency: brief, Bandwidth: 1 << 20}, p.dialed)
		wantInject(t, drops.Bytewise{}, p.dialed)
		wantWrite(t, p.dialed, "slowly")
		_ = p.dialed.Close()
		wantRead(t, p.accepted, "slowly")
		wantReadError(t, p.accepted, io.EOF)
	})
}

func TestTornAboveTLSTearsARecord(t *testing.T) {
	for _, torn := range []drops.Torn{{After: 7}, {After: 7, FIN: true}} {
		onTLS(t, func(t *testing.T, p, _ pair) {
			wantInject(t, torn, p.dialed)
			if _, err := p.dialed.Write([]byte("torn")); err == nil {
				t.Error("written")
			}
			want := error(syscall.ECONNRESET)
			if torn.FIN {
				want = io.ErrUnexpectedEOF
			}
			wantReadError(t, p.accepted, want)
		})
	}
}

func TestFINAboveTLSEndsOneHalf(t *testing.T) {
	onTLS(t, func(t *testing.T, p, _ pair) {
		wantInject(t, drops.FIN{}, p.dialed)
		wantReadError(t, p.accepted, io.EOF)
		wantWriteError(t, p.dialed, syscall.EPIPE)
		wantWrite(t, p.accepted, "back")
		wantRead(t, p.dialed, "back")
	})
}

func TestResetAboveTLSIsAnRST(t *testing.T) {
	onTLS(t, func(t *testing.T, p, lower pair) {
		own := goRead(p.dialed)
		p.blocked(t, "Read")
		peer := goRead(p.accepted)
		wantInject(t, drops.Reset{}, p.dialed)
		for name, done := range map[string]<-chan result{"own": own, "peer's": peer} {
			if got := <-done; !errors.Is(got.err, syscall.ECONNRESET) {
				t.Errorf("%s Read: %v", name, got.err)
			}
		}
		if err := (drops.Silence{}).Inject(p.dialed); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("silence: %v", err)
		}
		if err := p.dialed.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if _, err := lower.dialed.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("beneath: %v", err)
		}
	})
}

func TestResetOfTLSOverARealSocketIsAnRST(t *testing.T) {
	dialed, accepted := dialTCP(t)
	client, _ := shakeTLS(t, dialed.NetConn(), accepted)
	c := drops.Wrap(client)
	for _, f := range []drops.Fault{drops.Silence{}, drops.Stall{}, drops.Slow{}, drops.Torn{}, drops.Bytewise{}, drops.FIN{}} {
		if err := f.Inject(c); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v: %v", f, err)
		}
	}
	wantInject(t, drops.Reset{}, c)
	wantReadError(t, accepted, syscall.ECONNRESET)
}

func TestFramesAboveTLS(t *testing.T) {
	onTLS(t, func(t *testing.T, p, lower pair) {
		client, server := handshake(t, p)
		client.SetCloseHandler(func(int, string) error { return nil }) // an answer would be answered with RST
		wantInject(t, drops.Oversized{Bytes: 1 << 20}, p.dialed)
		if _, data, err := server.ReadMessage(); len(data) != 1<<20 || err != nil {
			t.Errorf("read %d bytes, %v", len(data), err)
		}
		if err := (drops.Garbage{}).Inject(lower.dialed); !errors.Is(err, drops.ErrNoHandshake) {
			t.Errorf("beneath TLS: %v", err)
		}
		wantInject(t, drops.CloseCode{Code: 4000, Leave: true}, p.accepted)
		_ = server.Close()
		if _, _, err := client.ReadMessage(); !websocket.IsCloseError(err, 4000) {
			t.Error(err)
		}
		wantReadError(t, p.dialed, io.EOF)
	})
}

// A program may close what lies below its TLS, which overtakes whatever waits
// above.
func TestLeavingAboveTLSComesBeforeTheProgramsClose(t *testing.T) {
	onTLS(t, func(t *testing.T, p, lower pair) {
		client, _ := handshake(t, p)
		gone := make(chan error, 1)
		go func() {
			_, err := p.accepted.Read(make([]byte, 1))
			_ = lower.accepted.Close()
			gone <- err
		}()
		p.blocked(t, "Read")
		wantInject(t, drops.CloseCode{Code: 4000, Leave: true}, p.accepted)
		if _, _, err := client.ReadMessage(); !websocket.IsCloseError(err, 4000) {
			t.Error(err)
		}
		if err := <-gone; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestCloseAboveTLSReleases(t *testing.T) {
	onTLS(t, func(t *testing.T, p, _ pair) {
		read := goRead(p.dialed)
		p.blocked(t, "Read")
		wantInject(t, drops.Silence{}, p.dialed)
		_ = p.dialed.Close()
		if got := <-read; !errors.Is(got.err, net.ErrClosed) {
			t.Errorf("Read: %v", got.err)
		}
		wantReadError(t, p.accepted, syscall.ECONNRESET) // the goodbye of TLS was held back
	})
}

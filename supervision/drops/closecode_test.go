package drops_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestCloseCodeIsReadByThePeer(t *testing.T) {
	cases := []struct {
		name  string
		fault drops.CloseCode
		want  websocket.CloseError
	}{
		{"no payload", drops.CloseCode{}, websocket.CloseError{Code: 1005}},
		{"no reason", drops.CloseCode{Code: 1012}, websocket.CloseError{Code: 1012}},
		{"reason", drops.CloseCode{Code: 4000, Reason: "bye"}, websocket.CloseError{Code: 4000, Text: "bye"}},
		{"longest reason", drops.CloseCode{Code: 1001, Reason: strings.Repeat("r", 123)}, websocket.CloseError{Code: 1001, Text: strings.Repeat("r", 123)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, p pair) {
				client, _ := handshake(t, p)
				wantClose(t, c.fault, p.accepted, client, c.want)
			})
			onBoth(t, func(t *testing.T, p pair) {
				_, server := handshake(t, p)
				wantClose(t, c.fault, p.dialed, server, c.want)
			})
		})
	}
}

func wantClose(t *testing.T, fault drops.CloseCode, from *drops.Conn, to *websocket.Conn, want websocket.CloseError) {
	t.Helper()
	if err := fault.Inject(from); err != nil {
		t.Fatal(err)
	}
	var got *websocket.CloseError
	if _, _, err := to.ReadMessage(); !errors.As(err, &got) || *got != want {
		t.Errorf("read %v; want %v", err, &want)
	}
}

func TestCloseCodeWaitsForTheEndOfAMessage(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		client, server := handshake(t, p)
		written := make(chan error, 1)
		go func() { written <- server.WriteMessage(websocket.BinaryMessage, make([]byte, huge)) }()
		p.blocked(t, "Write")
		if err := (drops.CloseCode{Code: 4000}).Inject(p.accepted); err != nil {
			t.Fatal(err)
		}
		if _, data, err := client.ReadMessage(); len(data) != huge || err != nil {
			t.Fatalf("read %d bytes, %v", len(data), err)
		}
		if _, _, err := client.ReadMessage(); !websocket.IsCloseError(err, 4000) {
			t.Error(err)
		}
		if err := <-written; err != nil {
			t.Error(err)
		}
	})
}

func TestCloseCodeThatCannotBeEncodedIsInvalid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dialMemory(t, drops.NewNetwork())
		for _, fault := range []drops.CloseCode{{Code: -1}, {Code: 65536}, {Code: 1000, Reason: strings.Repeat("r", 124)}} {
			if err := fault.Inject(c); !errors.Is(err, messages.ErrInvalid) {
				t.Errorf("%v: %v", fault, err)
			}
		}
		wantNothing(t, c.Other())
	})
}

// The frame comes before the end, however soon the program closes.
func TestLeavingEndsBehindTheFrame(t *testing.T) {
	for _, slow := range []drops.Slow{{}, {Latency: brief}} {
		onBoth(t, func(t *testing.T, p pair) {
			client, server := handshake(t, p)
			client.SetCloseHandler(func(int, string) error { return nil }) // an answer would be answered with RST
			read := goRead(p.accepted)
			p.blocked(t, "Read")
			if slow != (drops.Slow{}) {
				wantInject(t, slow, p.accepted)
			}
			wantInject(t, drops.CloseCode{Code: 1001, Leave: true}, p.accepted)
			if err := server.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if err := server.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("second Close: %v", err)
			}
			if got := <-read; !errors.Is(got.err, net.ErrClosed) {
				t.Errorf("Read: %v", got.err)
			}
			if err := server.WriteMessage(websocket.TextMessage, nil); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write: %v", err)
			}
			if _, _, err := client.ReadMessage(); !websocket.IsCloseError(err, 1001) {
				t.Error(err)
			}
			wantReadError(t, p.dialed, io.EOF)
		})
	}
}

func TestLeavingWithoutTheProgramsClose(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		open(t, p)
		wantInject(t, drops.CloseCode{Leave: true, Twice: true}, p.dialed)
		wantFrames(t, p.accepted, wireFrame{0x88, true, ""}, wireFrame{0x88, true, ""})
		wantReadError(t, p.accepted, io.EOF)
		wantReadError(t, p.dialed, net.ErrClosed)
	})
}

func TestLeavingHoldsTheProgramUntilTheFrameHasLeft(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		open(t, p)
		start := time.Now()
		wantInject(t, drops.Slow{Latency: time.Second}, p.dialed)
		wantInject(t, drops.CloseCode{Leave: true}, p.dialed)
		if err := (drops.Reset{}).Inject(p.dialed); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Reset of an end that leaves: %v", err)
		}
		if _, err := p.dialed.Write([]byte("late")); !errors.Is(err, net.ErrClosed) || time.Since(start) != time.Second {
			t.Errorf("Write: %v after %v", err, time.Since(start))
		}
		wantFrames(t, p.accepted, wireFrame{0x88, true, ""})
		wantReadError(t, p.accepted, io.EOF)
	})
}

// As Close does.
func TestLeavingUnderSilenceIsAnRST(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		open(t, p)
		wantInject(t, drops.Silence{}, p.dialed)
		wantInject(t, drops.CloseCode{Leave: true}, p.dialed)
		_ = p.dialed.Close()
		wantReadError(t, p.accepted, syscall.ECONNRESET)
	})
}

func TestLeavingDropsWhatWaitsBehindIt(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		open(t, p)
		text := wireFrame{textOp, true, "text"}
		wantWrite(t, p.dialed, text.encode()[:3])
		wantInject(t, drops.CloseCode{Leave: true}, p.dialed)
		wantInject(t, drops.Unasked{}, p.dialed)
		wantWrite(t, p.dialed, text.encode()[3:])
		wantFrames(t, p.accepted, text, wireFrame{0x88, true, ""})
		wantReadError(t, p.accepted, io.EOF)
	})
}

// handshake makes WebSockets of both ends.
func handshake(t *testing.T, p pair) (client, server *websocket.Conn) {
	t.Helper()
	return handshakeOver(t, p.dialed, p.accepted, false)
}

func handshakeOver(t *testing.T, dialed, accepted net.Conn, compress bool) (client, server *websocket.Conn) {
	t.Helper()
	upgrader := websocket.Upgrader{EnableCompression: compress}
	upgraded := make(chan *websocket.Conn, 1)
	go func() {
		r := must(http.ReadRequest(bufio.NewReader(accepted)))
		upgraded <- must(upgrader.Upgrade(hijacker{conn: accepted}, r, nil))
	}()
	dialer := websocket.Dialer{
		NetDial:           func(string, string) (net.Conn, error) { return dialed, nil },
		EnableCompression: compress,
	}
	client, _, err := dialer.Dial("ws://server/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return client, <-upgraded
}

// hijacker is the little that an Upgrader needs of a server.
type hijacker struct {
	http.ResponseWriter
	conn net.Conn
}

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

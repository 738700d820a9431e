package witness_test

import (
	"encoding/binary"
	"errors"
	"go/build"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/tetherws/tether/cmd/tether/demo/witness"
	"github.com/tetherws/tether/supervision/drops"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A witness that spoke through the party it watches would be none.
func TestItImportsNothingOfTether(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pkg.Imports {
		if strings.HasPrefix(path, "github.com/tetherws/") {
			t.Errorf("the witness imports %s", path)
		}
	}
}

const url = "ws://witness/?id="

// court is a witness that is served in memory, in a bubble's time.
type court struct {
	*witness.Server
	network *drops.Network
}

// within runs the test in a bubble, with a witness that lasts as long.
func within(t *testing.T, test func(*testing.T, court)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := court{witness.New(func(c net.Conn) { c.(*drops.Conn).Heal() }), drops.NewNetwork()}
		listener, err := c.network.Listen("witness:80")
		if err != nil {
			t.Fatal(err)
		}
		server := http.Server{Handler: c}
		go server.Serve(listener)
		defer server.Close()
		defer c.Close()
		test(t, c)
	})
}

// strike injects f into the newest connection of the client.
func (c court) strike(id string, f drops.Fault) bool {
	return c.Strike(id, func(conn net.Conn) error { return f.Inject(conn.(*drops.Conn)) })
}

// dialer dials over c's network.
func (c court) dialer() *websocket.Dialer {
	return &websocket.Dialer{NetDialContext: c.network.DialContext}
}

// peer is a client's end of a connection.
type peer struct {
	*websocket.Conn
	ponged chan struct{}
	ended  chan error
}

func (c court) dial(t *testing.T, id string) *peer {
	t.Helper()
	conn, _, err := c.dialer().Dial(url+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{conn, make(chan struct{}, 10), make(chan error, 1)}
	p.SetPongHandler(func(string) error { p.ponged <- struct{}{}; return nil })
	p.SetCloseHandler(func(int, string) error { return nil }) // it answers none
	go func() {
		_, _, err := conn.NextReader()
		p.ended <- err
	}()
	t.Cleanup(func() { conn.Close() })
	return p
}

func (p *peer) send(t *testing.T, numbers ...uint64) {
	t.Helper()
	for _, number := range numbers {
		data := binary.AppendUvarint(nil, number)
		if err := p.WriteMessage(websocket.BinaryMessage, data); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *peer) ping(t *testing.T) {
	t.Helper()
	if err := p.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
}

// sync returns when the server has taken all that the peer has sent.
func (p *peer) sync(t *testing.T) *peer {
	t.Helper()
	p.ping(t)
	<-p.ponged
	return p
}

// end closes the connection and returns when the server knows.
func (p *peer) end(t *testing.T) {
	t.Helper()
	frame := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := p.WriteControl(websocket.CloseMessage, frame, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	<-p.ended
}

func TestItCountsEachMessageOnce(t *testing.T) {
	within(t, func(t *testing.T, c court) {
		first, second := c.dial(t, "a"), c.dial(t, "b")
		first.send(t, 1, 2, 2, 4, 3, 1)
		second.send(t, 1)
		if err := second.WriteMessage(websocket.TextMessage, []byte("not a number")); err != nil {
			t.Fatal(err)
		}
		first.sync(t)
		second.sync(t)
		want := witness.Report{Unique: 5, Duplicates: 2, OutOfOrder: 1, Malformed: 1, MaxLive: 1}
		if got := c.Report(); got != want {
			t.Errorf("reported %+v, want %+v", got, want)
		}
	})
}

func TestTheAccountOutlivesASocket(t *testing.T) {
	within(t, func(t *testing.T, c court) {
		first := c.dial(t, "a")
		first.send(t, 1, 2)
		first.end(t)
		second := c.dial(t, "a")
		second.send(t, 2, 3)
		second.sync(t)
		want := witness.Report{Unique: 3, Duplicates: 1, MaxLive: 1}
		if got := c.Report(); got != want {
			t.Errorf("reported %+v, want %+v", got, want)
		}
	})
}

func TestLiveSockets(t *testing.T) {
	leaves := func(t *testing.T, p *peer) { p.end(t) }
	cuts := func(_ *testing.T, p *peer) { p.Close() }
	tests := []struct {
		name   string
		before func(*testing.T, *peer) // the newer handshake
		fault  drops.Fault             // before it too
		after  func(*testing.T, *peer)
		want   int
	}{
		{"an older one that stays", nil, nil, nil, 2},
		{"an older one that ended before", leaves, nil, nil, 1},
		{"an older one that ends in time", nil, nil, leaves, 1},
		{"an older one that ends in the last moment", nil, nil, func(_ *testing.T, p *peer) {
			time.Sleep(time.Second - 1)
			p.Close()
		}, 1},
		{"an older one that ends too late", nil, nil, func(_ *testing.T, p *peer) {
			time.Sleep(time.Second + 1)
			p.Close()
		}, 2},
		{"an older one that was reset", nil, drops.Reset{}, nil, 1},
		{"an older one that was sent a close frame and stays", nil, drops.CloseCode{Code: 1001}, nil, 2},
		{"an older one that was sent a close frame and ends in time", nil, drops.CloseCode{Code: 1001}, cuts, 1},
		{"a half-closed one that stays", nil, drops.FIN{}, nil, 2},
		{"a half-closed one that ends in time", nil, drops.FIN{}, cuts, 1},
		{"a silenced one that stays", nil, drops.Silence{}, nil, 2},
		{"a silenced one that ends in time", nil, drops.Silence{}, cuts, 1},
		{"a silenced one that has ended unheard", cuts, drops.Silence{}, nil, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			within(t, func(t *testing.T, c court) {
				older := c.dial(t, "a").sync(t)
				c.dial(t, "b").sync(t) // another client's, which is none of a's
				if test.fault != nil && !c.strike("a", test.fault) {
					t.Fatal("there was nothing to strike")
				}
				if test.before != nil {
					test.before(t, older)
				}
				c.dial(t, "a").sync(t)
				if test.after != nil {
					test.after(t, older)
				}
				if got := c.Report().MaxLive; got != test.want {
					t.Errorf("at most %d live at once, want %d", got, test.want)
				}
			})
		})
	}
}

func TestWhatComesLateByAnOlderSocketIsNotReceived(t *testing.T) {
	within(t, func(t *testing.T, c court) {
		older := c.dial(t, "a").sync(t)
		c.dial(t, "a").sync(t)
		older.send(t, 1)
		older.end(t)
		if got := c.Report().Unique; got != 0 {
			t.Errorf("%d messages received, want none", got)
		}
	})
}

func TestAStruckSocketIsNotWhole(t *testing.T) {
	within(t, func(t *testing.T, c court) {
		struck := c.dial(t, "a").sync(t)
		if got := c.Whole(); got != 1 {
			t.Errorf("%d clients have a whole connection, want 1", got)
		}
		if c.strike("nobody", drops.Reset{}) {
			t.Error("a client that never came was struck")
		}
		if !c.strike("a", drops.Reset{}) {
			t.Fatal("there was nothing to strike")
		}
		if err := <-struck.ended; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client saw %v", err)
		}
		if c.strike("a", drops.Reset{}) {
			t.Error("what is struck was struck again")
		}
		if got := c.Whole(); got != 0 {
			t.Errorf("%d clients have a whole connection, want none", got)
		}
		c.dial(t, "a").sync(t)
		if got := c.Whole(); got != 1 {
			t.Errorf("%d clients have a whole connection again, want 1", got)
		}
	})
}

func TestAFaultThatFailsStrikesNothing(t *testing.T) {
	within(t, func(t *testing.T, c court) {
		spared := c.dial(t, "a").sync(t)
		if c.Strike("a", func(net.Conn) error { return net.ErrClosed }) {
			t.Error("a fault that failed counts")
		}
		spared.sync(t)
		if got := c.Whole(); got != 1 {
			t.Errorf("%d clients have a whole connection, want 1", got)
		}
	})
}

func TestASilencedSocketIsDeadUntilTheNextHandshake(t *testing.T) {
	tests := map[string]func(*testing.T, *peer){
		"to a ping":            func(t *testing.T, p *peer) { p.ping(t) },
		"to a message":         func(t *testing.T, p *peer) { p.send(t, 1) },
		"to both":              func(t *testing.T, p *peer) { p.send(t, 1); p.ping(t) },
		"to both, ping before": func(t *testing.T, p *peer) { p.ping(t); p.send(t, 1) },
	}
	for name, do := range tests {
		t.Run(name, func(t *testing.T) {
			within(t, func(t *testing.T, c court) {
				silenced := c.dial(t, "a").sync(t)
				if !c.strike("a", drops.Silence{}) || c.strike("a", drops.Silence{}) {
					t.Fatal("it was not silenced once")
				}
				do(t, silenced)
				c.dial(t, "b").sync(t)
				time.Sleep(time.Hour)
				select {
				case <-silenced.ponged:
					t.Error("a silenced socket answered")
				case err := <-silenced.ended:
					t.Errorf("a silenced socket ended: %v", err)
				default:
				}
				if got := c.Report().Unique; got != 0 {
					t.Errorf("%d messages were read from a silenced socket", got)
				}
				c.dial(t, "a").sync(t)
				silenced.ping(t) // it is read again
				<-silenced.ponged
				if got := c.Report().Unique; got != 0 {
					t.Errorf("%d messages were received after the next handshake", got)
				}
			})
		})
	}
}

func TestWhatIsNoClientIsRefused(t *testing.T) {
	within(t, func(t *testing.T, c court) {
		client := http.Client{Transport: &http.Transport{DialContext: c.network.DialContext}}
		for _, path := range []string{"", "?id=", "?id=a"} {
			answer, err := client.Get("http://witness/" + path)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusBadRequest {
				t.Errorf("GET /%s: %d, want %d", path, answer.StatusCode, http.StatusBadRequest)
			}
		}
		client.CloseIdleConnections()
		if _, answer, err := c.dialer().Dial(url, nil); err == nil || answer.StatusCode != http.StatusBadRequest {
			t.Errorf("a handshake without a name: %+v, %v", answer, err)
		}
	})
}

func TestCloseEndsAllAndRefusesWhatComes(t *testing.T) {
	within(t, func(t *testing.T, c court) {
		silenced := c.dial(t, "a").sync(t)
		c.strike("a", drops.Silence{})
		whole := c.dial(t, "b").sync(t)
		c.Close()
		for _, p := range []*peer{silenced, whole} {
			if err := <-p.ended; err == nil {
				t.Error("a connection outlived Close")
			}
		}
		if _, answer, err := c.dialer().Dial(url+"a", nil); err == nil || answer.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("a handshake after Close: %+v, %v", answer, err)
		}
	})
}

package demo

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

// place is a server in memory, in a bubble's time.
type place struct {
	*server
	network *drops.Network
}

func within(t *testing.T, test func(*testing.T, place)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := drops.NewNetwork()
		listener, err := network.Listen("demo:80")
		if err != nil {
			t.Fatal(err)
		}
		p := place{serve(listener), network}
		defer p.close()
		test(t, p)
	})
}

// dialer dials over p's network.
func (p place) dialer() *websocket.Dialer {
	return &websocket.Dialer{NetDialContext: p.network.DialContext}
}

// client is the other end of a connection.
type client struct {
	*websocket.Conn
	ponged chan struct{}
	ended  chan error
}

// connect returns when the server has seen the handshake through.
func (p place) connect(t *testing.T, id string) client {
	t.Helper()
	conn, _, err := p.dialer().Dial(p.url(id), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := client{conn, make(chan struct{}, 10), make(chan error, 1)}
	t.Cleanup(func() { conn.Close() })
	conn.SetPongHandler(func(string) error { c.ponged <- struct{}{}; return nil })
	go func() {
		_, _, err := conn.NextReader()
		c.ended <- err
	}()
	c.ping(t)
	<-c.ponged
	return c
}

func (c client) ping(t *testing.T) {
	t.Helper()
	payload := make([]byte, pongSize-2)
	if err := c.WriteControl(websocket.PingMessage, payload, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
}

var (
	errNothing = errors.New("nothing comes")
	errPonged  = errors.New("it ponged")
)

// end is what the client reads last, if it pings when nothing comes.
func (c client) end(t *testing.T) error {
	t.Helper()
	synctest.Wait()
	if len(c.ended) == 0 {
		c.ping(t)
	}
	time.Sleep(time.Hour)
	switch {
	case len(c.ponged) > 0:
		return errPonged
	case len(c.ended) > 0:
		return <-c.ended
	}
	return errNothing
}

// sees is what tells each kind of drop to its client.
var sees = map[string]func(error) bool{
	"resets":          wasReset,
	"FINs":            endOfStream,
	"torn frames":     func(err error) bool { return endOfStream(err) || wasReset(err) },
	"garbage":         func(err error) bool { return strings.Contains(err.Error(), "bad opcode") },
	"close codes":     func(err error) bool { return websocket.IsCloseError(err, closeCodes...) },
	"silences":        nothing,
	"stalled readers": nothing,
	"refusals (503)":  wasReset,
}

func wasReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
func nothing(err error) bool  { return errors.Is(err, errNothing) }

func endOfStream(err error) bool { return websocket.IsCloseError(err, websocket.CloseAbnormalClosure) }

func TestEachKindDropsItsConnection(t *testing.T) {
	if len(kinds) != len(sees) {
		t.Errorf("%d kinds, want %d", len(kinds), len(sees))
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			within(t, func(t *testing.T, p place) {
				random := source(1)
				for i := range 20 {
					id, d := fmt.Sprint(i), k.draw(random)
					c := p.connect(t, id)
					if !p.cut(id, d) {
						t.Fatalf("%v found no connection", d.fault)
					}
					if p.cut(id, d) {
						t.Errorf("%v: what is cut was cut again", d.fault)
					}
					if whole := p.witness.Whole(); whole != 0 {
						t.Errorf("%v: %d clients have a whole connection, want none", d.fault, whole)
					}
					if err := c.end(t); !sees[k.name](err) {
						t.Errorf("%v: the client saw %v", d.fault, err)
					}
				}
			})
		})
	}
}

func TestTornFramesHaveBegun(t *testing.T) {
	random := source(1)
	for range 1000 {
		if after := torn(random).fault.(drops.Torn).After; after < 1 || after >= pongSize {
			t.Fatalf("a pong of %d bytes is torn after %d", pongSize, after)
		}
	}
}

func TestARefusalRefusesOneHandshakeOfItsClient(t *testing.T) {
	within(t, func(t *testing.T, p place) {
		p.connect(t, "a")
		if !p.cut("a", drop{drops.Reset{}, true}) {
			t.Fatal("there was nothing to cut")
		}
		p.connect(t, "b")
		_, answer, err := p.dialer().Dial(p.url("a"), nil)
		if err == nil || answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "" {
			t.Errorf("the handshake was answered %+v", answer)
		}
		p.connect(t, "a")
	})
}

func TestARefusalWithNothingToCutRefusesNobody(t *testing.T) {
	within(t, func(t *testing.T, p place) {
		if p.cut("a", drop{drops.Reset{}, true}) {
			t.Error("a client that never came was cut")
		}
		p.connect(t, "a")
		if p.cut("a", drop{drops.Torn{After: -1}, true}) {
			t.Error("a fault that failed counts")
		}
		p.connect(t, "a")
	})
}

// Else nobody would see that the client has given it up.
func TestASilencedConnectionIsHealedByTheNextHandshake(t *testing.T) {
	for _, fault := range []drops.Fault{drops.Silence{}, drops.Stall{}} {
		within(t, func(t *testing.T, p place) {
			c := p.connect(t, "a")
			p.cut("a", drop{fault: fault})
			c.Close()
			p.connect(t, "a")
			if live := p.witness.Report().MaxLive; live != 1 {
				t.Errorf("%v: %d live at once, want 1", fault, live)
			}
		})
	}
}

package actors_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

const window = 30 * time.Second

// guest is a client of tether.v1 over gorilla, written by the book.
type guest struct {
	t    *testing.T
	w    *world
	addr string

	*websocket.Conn
	wire    *drops.Conn
	welcome greeting
	handled uint64 // the number of the last message
	mute    bool   // it answers no pings
}

// greeting is the welcome.
type greeting struct {
	Tether         string
	ID             messages.ID
	Token          string
	Resumed        bool
	Next, Received uint64
}

// inn accepts clients that may come back, each as client says.
func (w *world) inn(client func(*http.Request) actors.Client) (addr string) {
	return w.front(func(rw http.ResponseWriter, r *http.Request) {
		c := actors.Client{Resume: window}
		if client != nil {
			c = client(r)
		}
		_, _ = w.m.Accept(rw, r, c)
	})
}

// with returns what inn takes for a client that is always c.
func with(c actors.Client) func(*http.Request) actors.Client {
	return func(*http.Request) actors.Client {
		if c.Resume == 0 {
			c.Resume = window
		}
		return c
	}
}

func (w *world) guest(addr string) *guest {
	w.t.Helper()
	g := &guest{t: w.t, w: w, addr: addr}
	if err := g.enter(); err != nil {
		w.t.Fatal(err)
	}
	return g
}

// enter opens a socket, with what the last welcome said, and reads the new one.
func (g *guest) enter() error {
	protocols := []string{actors.Resumption}
	if g.welcome.Token != "" {
		protocols = append(protocols, fmt.Sprintf("tether.v1.return.%s.%d", g.welcome.Token, g.handled))
	}
	if err := g.dial(protocols...); err != nil {
		return err
	}
	return g.greeted()
}

func (g *guest) dial(protocols ...string) error {
	d := websocket.Dialer{NetDialContext: g.w.net.DialContext, Subprotocols: protocols, HandshakeTimeout: time.Minute}
	ws, resp, err := d.Dial("ws://"+g.addr+"/", nil)
	if err != nil {
		return err
	}
	if got := resp.Header.Values("Sec-WebSocket-Protocol"); !slices.Equal(got, []string{"tether.v1"}) {
		g.t.Errorf("agreed to %q", got)
	}
	g.Conn, g.wire = ws, ws.NetConn().(*drops.Conn)
	if g.mute {
		ws.SetPingHandler(func(string) error { return nil })
	}
	return nil
}

func (g *guest) greeted() error {
	kind, data, err := g.ReadMessage()
	if err != nil {
		return err
	}
	var in greeting
	if err := json.Unmarshal(data, &in); err != nil || kind != websocket.TextMessage {
		g.t.Errorf("the welcome is %q: %v", data, err)
	}
	g.welcome, g.handled = in, in.Next-1
	return nil
}

// reads returns the next message.
func (g *guest) reads() (string, error) {
	_, data, err := g.ReadMessage()
	if err == nil {
		g.handled++
	}
	return string(data), err
}

// expect reads messages and asserts that they are those wanted.
func (g *guest) expect(want ...string) {
	g.t.Helper()
	for _, each := range want {
		if got, err := g.reads(); got != each || err != nil {
			g.t.Fatalf("read %q and %v, want %q", got, err, each)
		}
	}
}

// drain has the present socket read until its end, and counts its messages.
func (g *guest) drain() *atomic.Int64 {
	ws, n := g.Conn, &atomic.Int64{}
	go func() {
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				return
			}
			n.Add(1)
		}
	}()
	return n
}

// drains reads until the socket ends, and returns why.
func (g *guest) drains() error {
	for {
		if _, err := g.reads(); err != nil {
			return err
		}
	}
}

func (g *guest) id() messages.ID { return g.welcome.ID }

// cut resets the socket, and waits until that is known.
func (g *guest) cut() {
	g.t.Helper()
	_ = drops.Reset{}.Inject(g.wire)
	g.w.wait(g.id(), messages.Detached)
}

// returns comes back, to the connection that it left.
func (g *guest) returns() {
	g.t.Helper()
	id := g.id()
	if err := g.enter(); err != nil || !g.welcome.Resumed || g.id() != id {
		g.t.Fatalf("came back to %+v: %v", g.welcome, err)
	}
}

// isNew comes back, and asserts that it is somebody new.
func (g *guest) isNew() {
	g.t.Helper()
	id := g.id()
	if err := g.enter(); err != nil || g.welcome.Resumed || g.id() == id || g.welcome.Next != 1 {
		g.t.Fatalf("came back to %+v: %v", g.welcome, err)
	}
}

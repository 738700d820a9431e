package actors_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestAClientOfTetherV1IsWelcomed(t *testing.T) {
	said := &diary{}
	bubble(t, actors.Config{Handler: said}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		defer g.Close()
		if g.welcome.Tether != "v1" || g.id() != w.only() || g.welcome.Resumed || g.welcome.Next != 1 || g.welcome.Received != 0 {
			t.Errorf("%+v", g.welcome)
		}
		if len(g.welcome.Token) != 64 || strings.Trim(g.welcome.Token, base64url) != "" {
			t.Errorf("token %q", g.welcome.Token)
		}
		w.send(g.id(), messages.Text("one"))
		g.expect("one")
		synctest.Wait()
		if want := []string{"opened"}; !slices.Equal(said.all(), want) {
			t.Errorf("the handler was told %q", said.all())
		}
	})
}

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// A slow OnEvent keeps the actor until the client's ping is there.
func TestNothingComesBeforeTheWelcome(t *testing.T) {
	slow := func(e messages.Event) {
		if e, ok := e.(messages.EventTransition); ok && e.To == messages.Open {
			time.Sleep(time.Millisecond)
		}
	}
	bubble(t, actors.Config{OnEvent: slow}, func(t *testing.T, w *world) {
		g := &guest{t: t, w: w, addr: w.inn(nil)}
		if err := g.dial("tether.v1"); err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		ponged := false
		g.SetPongHandler(func(string) error { ponged = true; return nil })
		_ = g.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Minute))
		if err := g.greeted(); err != nil || ponged {
			t.Errorf("a pong came first: %v, %v", ponged, err)
		}
	})
}

func TestOthersAreNotWelcomed(t *testing.T) {
	for name, test := range map[string]struct {
		client actors.Client
		offers []string
		agrees string
	}{
		"who offers nothing":              {actors.Client{Resume: window}, nil, ""},
		"who offers something else":       {actors.Client{Resume: window, Subprotocols: []string{"chat"}}, []string{"chat"}, "chat"},
		"where nobody may come back":      {actors.Client{Subprotocols: []string{"chat"}}, []string{"tether.v1", "chat"}, "chat"},
		"who only says that it came back": {actors.Client{Resume: window}, []string{"tether.v1.return.x.y"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, actors.Config{}, func(t *testing.T, w *world) {
				addr := w.front(func(rw http.ResponseWriter, r *http.Request) { _, _ = w.m.Accept(rw, r, test.client) })
				d := websocket.Dialer{NetDialContext: w.net.DialContext, Subprotocols: test.offers}
				ws, _, err := d.Dial("ws://"+addr+"/", nil)
				if err != nil {
					t.Fatal(err)
				}
				defer ws.Close()
				id := w.only()
				w.send(id, messages.Text("first"))
				if _, data, err := ws.ReadMessage(); string(data) != "first" || err != nil || ws.Subprotocol() != test.agrees {
					t.Errorf("read %q, %v on %q", data, err, ws.Subprotocol())
				}
				_ = drops.Reset{}.Inject(ws.NetConn().(*drops.Conn))
				w.wait(id, messages.Closed)
			})
		})
	}
}

func TestOfSeveralSubprotocolsTetherV1IsChosen(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		g := &guest{t: t, w: w, addr: w.inn(with(actors.Client{Subprotocols: []string{"chat"}}))}
		if err := errors.Join(g.dial("chat", "tether.v1"), g.greeted()); err != nil {
			t.Fatal(err)
		}
		_ = g.Close()
	})
}

func TestTheWelcomeSaysWhatWasReceived(t *testing.T) {
	said := &diary{}
	bubble(t, actors.Config{Handler: said}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		for i := range 3 {
			_ = g.WriteMessage(websocket.TextMessage, fmt.Append(nil, i))
		}
		synctest.Wait()
		g.cut()
		g.returns()
		if g.welcome.Received != 3 {
			t.Errorf("received %d", g.welcome.Received)
		}
		_ = g.WriteMessage(websocket.TextMessage, []byte("3"))
		synctest.Wait()
		g.cut()
		g.returns()
		if g.welcome.Received != 4 {
			t.Errorf("received %d", g.welcome.Received)
		}
		want := []string{"opened", "text 0", "text 1", "text 2", "dropped", "opened", "text 3", "dropped", "opened"}
		if synctest.Wait(); !slices.Equal(said.all(), want) {
			t.Errorf("the handler was told %q", said.all())
		}
		g.Close()
	})
}

func TestAMalformedReturnIsRefused(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		addr := w.inn(nil)
		for _, entries := range []string{
			"tether.v1.return.abc", "tether.v1.return.", "tether.v1.return.abc.", "tether.v1.return.abc.x", "tether.v1.return.abc.-1",
			"tether.v1.return.abc.+1", "tether.v1.return.abc.18446744073709551616", "tether.v1.return.abc.1e3",
			"tether.v1.return.abc.1, tether.v1.return.abc.1",
		} {
			h := http.Header{"Sec-WebSocket-Protocol": {"tether.v1, " + entries}}
			if got := w.status(addr, h); got != http.StatusBadRequest {
				t.Errorf("%q was answered with %d", entries, got)
			}
		}
		if n := len(slices.Collect(w.m.Connections())); n != 0 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestAClientMayHaveAnUpgraderOfItsOwn(t *testing.T) {
	none := &websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return false }}
	bubble(t, actors.Config{Upgrader: none}, func(t *testing.T, w *world) {
		if got := w.status(w.front(w.m.ServeHTTP), nil); got != http.StatusForbidden {
			t.Errorf("%d", got)
		}
		addr := w.inn(with(actors.Client{Upgrader: &websocket.Upgrader{}}))
		w.guest(addr).Close()
	})
}

func TestANegativeWindowIsInvalid(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		addr := w.inn(with(actors.Client{Resume: -1}))
		if got := w.status(addr, nil); got != http.StatusInternalServerError {
			t.Errorf("%d", got)
		}
	})
}

// A beat or an answer of the application's would be counted by the client.
func TestHeartbeatsAreNoDataFramesToAClientThatCounts(t *testing.T) {
	beat := actors.SeedHeartbeat()
	said := &diary{}
	bubble(t, actors.Config{Heartbeat: beat, Handler: said}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		id := g.id()
		read := g.drain()
		_ = g.WriteMessage(websocket.TextMessage, []byte(`{"heart":1}`))
		time.Sleep(time.Hour)
		w.state(id, messages.Open)
		if read.Load() != 0 || !slices.Equal(said.all(), []string{"opened", `text {"heart":1}`}) {
			t.Errorf("%d messages, the handler was told %q", read.Load(), said.all())
		}
		g.Close()
	})
}

package actors_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestATokenIsValidUntilTheClientHasTheNext(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		first := g.welcome
		g.cut()
		g.mute = true
		g.returns()
		second := g.welcome
		if second.Token == first.Token {
			t.Error("the token is the same")
		}
		g.cut()
		g.welcome, g.handled = first, 0 // as if the second welcome had not arrived
		g.returns()
		third := g.welcome
		g.cut()
		g.welcome = second // which that has replaced
		g.isNew()
		g.Close()
		g.welcome, g.handled = third, 0
		g.returns() // its use confirms it
		fourth := g.welcome
		g.cut()
		g.welcome = first
		g.isNew()
		g.Close()
		g.welcome, g.mute = fourth, false
		g.returns()
		fifth := g.welcome
		g.drain() // and answer the ping
		synctest.Wait()
		g.cut()
		g.welcome = fourth
		g.isNew()
		g.Close()
		g.welcome = fifth
		g.returns()
		g.Close()
	})
}

// What an old token's client has handled was said when it first came back.
func TestAnOldTokensReturnClaimsNothingTwice(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		synctest.Wait()
		g.mute = true
		g.SetPingHandler(func(string) error { return nil })
		for i := range 5 {
			w.send(g.id(), messages.Text(fmt.Sprint(i)))
		}
		g.expect("0", "1")
		old := *g
		g.cut()
		g.returns()
		g.expect("2", "3") // which it forgets
		g.cut()
		g.welcome, g.handled = old.welcome, old.handled+1 // which it can't have
		g.returns()
		if g.welcome.Next != 3 {
			t.Errorf("next is %d", g.welcome.Next)
		}
		g.expect("2", "3", "4")
		g.Close()
	})
}

func TestAReturnThatIsNoneIsANewConnection(t *testing.T) {
	for name, token := range map[string]func(string) string{
		"other secret":  func(s string) string { return s[:len(s)-4] + "AAAA" },
		"other ID":      func(s string) string { return "AAAA" + s[4:] },
		"too short":     func(s string) string { return s[:60] },
		"too long":      func(s string) string { return s + "AAAA" },
		"not base64url": func(s string) string { return s[:60] + "!!!!" },
		"none":          func(string) string { return "" },
		"with a dot":    func(s string) string { return s + "." },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, actors.Config{}, func(t *testing.T, w *world) {
				g := w.guest(w.inn(nil))
				defer g.Close()
				id := g.id()
				other := &guest{t: t, w: w, addr: g.addr}
				if err := other.dial("tether.v1", "tether.v1.return."+token(g.welcome.Token)+".0"); err != nil {
					t.Fatal(err)
				}
				defer other.Close()
				if err := other.greeted(); err != nil || other.welcome.Resumed || other.id() == id {
					t.Errorf("%+v, %v", other.welcome, err)
				}
				w.state(id, messages.Open)
			})
		})
	}
}

func TestAConnectionIsItsOwnersAlone(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		owner := "ada"
		g := w.guest(w.inn(func(*http.Request) actors.Client { return actors.Client{Resume: window, Owner: owner} }))
		ada := *g
		g.cut()
		for _, owner = range []string{"bob", "", "ad", "adaa"} {
			g.welcome = ada.welcome
			g.isNew()
			g.Close()
		}
		owner, g.welcome = "ada", ada.welcome
		g.returns()
		g.Close()
	})
}

func TestAClientThatIsGivenAnIDReturnsToThatAlone(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := messages.NewID()
		g := w.guest(w.inn(func(*http.Request) actors.Client { return actors.Client{Resume: window, ID: id} }))
		g.cut()
		g.returns()
		g.cut()
		id = messages.NewID()
		g.isNew()
		g.Close()
	})
}

func TestTokensAreNeitherLoggedNorTold(t *testing.T) {
	var (
		log    bytes.Buffer
		tokens inbox
		told   inbox
	)
	config := actors.Config{
		Logger:  slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Restart: soon,
		OnEvent: func(e messages.Event) {
			if e, ok := e.(messages.EventTransition); ok {
				told.add(fmt.Sprint(e, e.Cause))
			}
		},
	}
	bubble(t, config, func(t *testing.T, w *world) {
		addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
			for _, p := range websocket.Subprotocols(r) {
				if _, rest, ok := strings.Cut(p, ".return."); ok {
					tokens.add(rest[:64])
				}
			}
			_, err := w.m.Accept(rw, r, actors.Client{Resume: window})
			told.add(fmt.Sprint(err))
		})
		target := w.target()
		target.URL, target.Resume = "ws://"+addr+"/", true
		id := w.dial(target)
		there := w.others(id)
		for range 3 {
			time.Sleep(time.Second)
			_ = drops.Reset{}.Inject(w.net.Conns()[0])
		}
		time.Sleep(time.Second)
		if err := w.m.Close(t.Context(), there, 0, ""); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		g := w.guest(addr)
		_ = g.dial("tether.v1", "tether.v1.return."+g.welcome.Token+".x")
		_ = g.Close()
		told.add(fmt.Sprint(w.info(id)))
	})
	all := log.String() + strings.Join(told.got(), "\n")
	for _, token := range tokens.got() {
		if strings.Contains(all, token) || strings.Contains(all, token[24:56]) {
			t.Errorf("told: %s", all)
		}
	}
	if n := len(tokens.got()); n != 5 || log.Len() == 0 {
		t.Errorf("%d tokens, logged %q", n, log.String())
	}
}

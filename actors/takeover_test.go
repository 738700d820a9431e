package actors_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestASecondSocketTakesOver(t *testing.T) {
	for _, stuck := range []bool{false, true} {
		t.Run(fmt.Sprint("stuck ", stuck), func(t *testing.T) {
			said := &diary{}
			bubble(t, actors.Config{Handler: said, Outbox: actors.Outbox{Bytes: 4 << 20}}, func(t *testing.T, w *world) {
				g := w.guest(w.inn(nil))
				synctest.Wait()
				var why error
				var heard sync.WaitGroup
				took := time.Duration(0)
				if stuck { // and the actor is in a write
					_ = drops.Silence{}.Inject(g.wire)
					for range 3 {
						w.send(g.id(), messages.Binary(make([]byte, 1<<20)))
					}
					synctest.Wait()
					took = time.Second
				} else {
					first := g.Conn
					heard.Go(func() { _, _, why = first.ReadMessage() })
				}
				second := &guest{t: t, w: w, addr: g.addr, welcome: g.welcome, handled: g.handled}
				start := time.Now()
				second.returns()
				if got := time.Since(start); got != took {
					t.Errorf("took over after %v, want %v", got, took)
				}
				heard.Wait()
				var end *websocket.CloseError
				if !stuck && (!errors.As(why, &end) || end.Code != actors.CloseTakenOver || end.Text != "taken over") {
					t.Errorf("the first was told %v", why)
				}
				if stuck {
					for range 3 {
						second.handled++
						if _, data, err := second.ReadMessage(); len(data) != 1<<20 || err != nil {
							t.Fatal(len(data), err)
						}
					}
				}
				w.send(g.id(), messages.Text("x"))
				second.expect("x")
				synctest.Wait()
				if want := []string{"opened", "dropped", "opened"}; !slices.Equal(said.all(), want) || !errors.Is(said.err, messages.ErrTakenOver) {
					t.Errorf("the handler was told %q, %v", said.all(), said.err)
				}
				second.Close()
			})
		})
	}
}

// Many come at once with the same token, and none proves that it has a newer
// one: each in turn takes over, a second after the other.
func TestReturnsAreSerial(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		id := g.id()
		g.cut()
		var all []*guest
		var entered sync.WaitGroup
		for range 10 {
			other := &guest{t: t, w: w, addr: g.addr, welcome: g.welcome, mute: true}
			all = append(all, other)
			entered.Go(func() {
				if other.enter() == nil {
					_ = other.drains()
				}
			})
		}
		time.Sleep(9 * time.Second)
		synctest.Wait()
		live := 0
		for _, other := range all {
			if other.wire.SetReadDeadline(time.Now()); other.id() == id {
				live++
			}
		}
		entered.Wait()
		if info := w.info(id); live != 10 || info.Incarnation != 11 {
			t.Errorf("%d came back, to %+v", live, info)
		}
		for _, other := range all {
			other.Close()
		}
	})
}

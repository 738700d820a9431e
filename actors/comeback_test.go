package actors_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// A client is cut again and again, by either side and in the middle of frames.
func TestAClientThatIsCut100TimesGetsEachMessageOnceAndInOrder(t *testing.T) {
	const cuts, sent = 100, 10_000
	for seed := range uint64(3) {
		audited(t, actors.Config{}, func(t *testing.T, w *world) {
			random := rand.New(rand.NewPCG(seed, 0))
			g := w.guest(w.inn(nil))
			id := g.id()
			go func() {
				for i := range sent {
					for i > w.incarnation(id)*sent/cuts-sent/cuts/2 || w.m.Send(id, atLeastOnce(fmt.Sprint(i))) != nil {
						time.Sleep(time.Millisecond)
					}
					if i%10 == 0 {
						time.Sleep(time.Millisecond)
					}
				}
			}()
			var got []string
			for len(got) < sent {
				if g.welcome.Resumed && len(got) > 0 && int(g.welcome.Next) != len(got)+1 {
					t.Fatalf("next is %d after %d messages", g.welcome.Next, len(got))
				}
				stop := time.AfterFunc(time.Duration(random.Int64N(int64(20*time.Millisecond))), g.cuts(random, w.incarnation(id) > cuts))
				for {
					text, err := g.reads()
					if err != nil {
						break
					}
					got = append(got, text)
					if len(got) == sent {
						break
					}
				}
				stop.Stop()
				if len(got) < sent {
					if random.IntN(2) == 0 {
						w.wait(id, messages.Detached)
					}
					g.returns()
				}
			}
			for i, text := range got {
				if text != fmt.Sprint(i) {
					t.Fatalf("message %d is %q", i, text)
				}
			}
			g.drain()
			time.Sleep(time.Minute)
			info := w.info(id)
			if info.Confirmed != sent || info.Incarnation <= cuts || info.Unconfirmed != 0 {
				t.Errorf("%+v", info)
			}
		})
	}
}

func (w *world) incarnation(id messages.ID) int {
	info, _ := w.m.Info(id)
	return int(info.Incarnation)
}

// cuts returns what ends the present socket in one of several ways.
func (g *guest) cuts(random *rand.Rand, enough bool) func() {
	wire := g.wire
	fault := []drops.Fault{drops.Reset{}, drops.FIN{}, drops.Torn{After: random.IntN(20)}}[random.IntN(3)]
	end := []*drops.Conn{wire, wire.Other()}[random.IntN(2)]
	return func() {
		if !enough {
			_ = fault.Inject(end)
		}
	}
}

func TestTheNextSocketGetsWhatTheClientHasNotHandled(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		synctest.Wait()
		g.mute = true
		g.SetPingHandler(func(string) error { return nil })
		for i := range 6 {
			w.send(g.id(), messages.Text(fmt.Sprint(i))) // at most once, anywhere else
		}
		g.expect("0", "1", "2")
		g.cut()
		if info := w.info(g.id()); info.Unconfirmed != 6 || info.Confirmed != 0 {
			t.Errorf("before the return %+v", info)
		}
		w.send(g.id(), messages.Text("6"))
		g.returns()
		if g.welcome.Next != 4 {
			t.Errorf("next is %d", g.welcome.Next)
		}
		if info := w.info(g.id()); info.Confirmed != 3 || info.Incarnation != 2 {
			t.Errorf("after the return %+v", info)
		}
		g.expect("3", "4")
		g.cut()
		g.returns()
		g.expect("5", "6")
		g.Close()
		w.wait(g.id(), messages.Detached)
		g.returns()
		if info := w.info(g.id()); info.Confirmed != 7 || g.welcome.Next != 8 {
			t.Errorf("%+v, next is %d", info, g.welcome.Next)
		}
		g.Close()
	})
}

// Marks of one socket must not be taken for those of the next.
func TestAMessageThatTheLastSocketNeverGotIsNotConfirmed(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		synctest.Wait()
		g.mute = true
		g.SetPingHandler(func(string) error { return nil })
		for i := range 4 {
			w.send(g.id(), messages.Text(fmt.Sprint(i)))
		}
		g.expect("0")
		synctest.Wait()
		g.cut()
		g.returns() // with 1 2 3, of which nothing is handled
		g.cut()
		g.returns()
		g.expect("1", "2", "3")
		g.cut()
		g.handled = 2 // it says
		g.returns()
		g.expect("2", "3")
		g.Close()
	})
}

func TestAClaimOfMoreThanWasWrittenIsWorthWhatWas(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		w.send(g.id(), messages.Text("one"))
		g.expect("one")
		g.cut()
		w.send(g.id(), messages.Text("two"))
		g.handled = 1 << 62
		g.returns()
		if g.welcome.Next != 2 {
			t.Errorf("next is %d", g.welcome.Next)
		}
		g.expect("two")
		g.Close()
	})
}

// A browser may answer pings before its program has seen what came earlier.
func TestAClientThatHandledLessThanItsPongsSaidSeesTheGap(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		w.send(g.id(), messages.Text("one"))
		w.send(g.id(), messages.Text("two"))
		synctest.Wait()
		g.expect("one", "two")
		g.drain()
		time.Sleep(time.Second)
		if info := w.info(g.id()); info.Confirmed != 2 {
			t.Fatalf("%+v", info)
		}
		g.cut()
		w.send(g.id(), messages.Text("three"))
		synctest.Wait()
		g.handled = 1
		g.returns()
		if g.welcome.Next != 3 {
			t.Errorf("next is %d", g.welcome.Next)
		}
		g.expect("three")
		g.Close()
	})
}

// What a reader holds while its handler is too far behind is not received when
// the socket ends.
func TestWhatTheHandlerNeverGetsIsNotReceived(t *testing.T) {
	release := make(chan struct{})
	var got inbox
	slow := actors.OnMessage(func(_ actors.Conn, m messages.Message) error {
		<-release
		got.add(string(m.Data))
		return nil
	})
	bubble(t, actors.Config{Handler: slow}, func(t *testing.T, w *world) {
		release = make(chan struct{})
		g := w.guest(w.inn(nil))
		const sent = 200
		for i := range sent {
			_ = g.WriteMessage(websocket.TextMessage, fmt.Append(nil, i))
		}
		synctest.Wait()
		_ = drops.Reset{}.Inject(g.wire)
		w.send(g.id(), messages.Text("")) // its reader waits for the handler, and notices nothing
		w.wait(g.id(), messages.Detached)
		g.returns()
		if r := g.welcome.Received; r < 64 || r > 66 {
			t.Errorf("received %d", r)
		}
		close(release)
		for i := g.welcome.Received; i < sent; i++ {
			_ = g.WriteMessage(websocket.TextMessage, fmt.Append(nil, i))
		}
		synctest.Wait()
		all := got.got()
		for i, text := range all {
			if text != fmt.Sprint(i) {
				t.Fatalf("message %d is %q", i, text)
			}
		}
		if len(all) != sent {
			t.Errorf("the handler got %d", len(all))
		}
		g.Close()
	})
}

// The drops of a phone are no sign of a bad message.
func TestAMessageIsNotBlamedForTheDropsOfAClient(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		w.send(g.id(), messages.Text("innocent"))
		for range 10 {
			synctest.Wait()
			g.cut()
			g.returns()
		}
		g.expect("innocent")
		g.Close()
	})
}

// Sockets that end at once, before the actor has noticed that they are there.
func TestAReturnThatEndsAtOnceIsADropLikeAnyOther(t *testing.T) {
	slow := func(e messages.Event) {
		if e, ok := e.(messages.EventTransition); ok && e.To == messages.Open {
			time.Sleep(time.Millisecond)
		}
	}
	bubble(t, actors.Config{OnEvent: slow}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		id := g.id()
		for range 20 {
			g.cut()
			if err := g.dial("tether.v1", "tether.v1.return."+g.welcome.Token+".0"); err != nil {
				t.Fatal(err)
			}
			_ = drops.Reset{}.Inject(g.wire)
			time.Sleep(5 * time.Millisecond)
			w.state(id, messages.Detached)
			g.returns()
		}
		w.send(id, messages.Text("still here"))
		g.expect("still here")
		g.Close()
		time.Sleep(time.Second)
	})
}

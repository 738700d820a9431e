package actors_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// A client is told how many of its messages were taken, and does not send them
// again. So if the handler then fails at one of them, it is told that too.
func TestAHandlerThatFailsAfterTheDropEndsTheConnection(t *testing.T) {
	for name, back := range map[string]time.Duration{"while its client is away": 10 * time.Second, "when it is back": time.Second} {
		t.Run(name, func(t *testing.T) {
			failure := errors.New("bad quote")
			slow := actors.OnMessage(func(actors.Conn, messages.Message) error {
				time.Sleep(5 * time.Second)
				return failure
			})
			bubble(t, actors.Config{Handler: slow}, func(t *testing.T, w *world) {
				g := w.guest(w.inn(nil))
				synctest.Wait()
				for range 3 {
					_ = g.WriteMessage(websocket.TextMessage, []byte("quote"))
				}
				synctest.Wait()
				start := time.Now()
				g.cut()
				id := g.id()
				time.Sleep(back)
				if back < 5*time.Second {
					g.returns()
					if _, _, err := g.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseInternalServerErr) {
						t.Errorf("the client was told %v", err)
					}
				}
				w.wait(id, messages.Closed)
				var end *messages.CloseError
				if _, err := w.m.Info(id); !errors.As(err, &end) || end.Code != websocket.CloseInternalServerErr || !errors.Is(end, failure) {
					t.Errorf("ended with %v", err)
				}
				if took := time.Since(start); took != max(back, 5*time.Second) {
					t.Errorf("ended after %v", took)
				}
				g.Close()
			})
		})
	}
}

func TestAHandlerThatStallsWhileItsClientIsAwayIsFoundAtTheReturn(t *testing.T) {
	var released chan struct{}
	stuck := actors.OnMessage(func(actors.Conn, messages.Message) error {
		<-released
		return nil
	})
	bubble(t, actors.Config{Handler: stuck, HandlerTimeout: time.Second}, func(t *testing.T, w *world) {
		released = make(chan struct{})
		defer close(released)
		g := w.guest(w.inn(nil))
		synctest.Wait()
		_ = g.WriteMessage(websocket.TextMessage, []byte("one"))
		synctest.Wait()
		g.cut()
		time.Sleep(5 * time.Second)
		g.returns()
		if _, _, err := g.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseInternalServerErr) {
			t.Errorf("the client was told %v", err)
		}
		w.wait(g.id(), messages.Closed)
		if _, err := w.m.Info(g.id()); !errors.Is(err, messages.ErrHandlerStalled) {
			t.Errorf("ended with %v", err)
		}
		g.Close()
	})
}

// As after a stall, when the handshakes that a client has given up are answered
// along with the one that it still waits for.
func TestOneOfManyReturnsAtOnceIsKept(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		id := g.id()
		g.cut()
		var all []*guest
		var reading sync.WaitGroup
		codes := make(chan error, 10)
		for range cap(codes) {
			other := &guest{t: t, w: w, addr: g.addr, welcome: g.welcome}
			all = append(all, other)
			reading.Go(func() {
				if err := other.enter(); err != nil {
					codes <- err
					return
				}
				codes <- other.drains()
			})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		kept := 0
		for _, other := range all {
			if other.id() == id {
				kept++
			}
		}
		if info := w.info(id); kept != 1 || info.State != messages.Open || info.Incarnation != 2 {
			t.Errorf("%d came back, to %+v", kept, info)
		}
		for _, other := range all {
			other.wire.SetReadDeadline(time.Now())
		}
		reading.Wait()
		close(codes)
		for err := range codes {
			if websocket.IsCloseError(err, actors.CloseTakenOver) {
				t.Error("one was taken over from")
			}
		}
		for _, other := range all {
			other.Close()
		}
	})
}

func TestOnlySoManyWaitForTheirClients(t *testing.T) {
	bubble(t, actors.Config{MaxDetached: 2}, func(t *testing.T, w *world) {
		addr := w.inn(nil)
		var all []*guest
		for range 3 {
			all = append(all, w.guest(addr))
		}
		synctest.Wait()
		for i, g := range all {
			_ = drops.Reset{}.Inject(g.wire)
			synctest.Wait()
			if _, err := w.m.Info(g.id()); (err != nil) != (i == 2) {
				t.Errorf("of the %d. that waits: %v", i+1, err)
			}
		}
		for _, g := range all {
			g.Close()
		}
	})
}

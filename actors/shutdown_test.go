package actors_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
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

func TestShutdownClosesWhatIsDownAtOnceAndFlushesWhatIsOpen(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		p, open := w.greeted()
		w.gate.Refuse(-1, drops.Refuse{Status: 400})
		down := w.start(w.target())
		w.wait(down, messages.Parked)
		for _, id := range []messages.ID{open, down, down} {
			m := messages.Text("x")
			m.Guarantee = messages.AtLeastOnce
			w.send(id, m)
		}
		done := make(chan error, 1)
		go func() { done <- w.m.Shutdown(w.within(time.Minute)) }()
		synctest.Wait()
		w.state(down, messages.Closed)
		w.state(open, messages.Closing)
		var told *websocket.CloseError
		if _, data, err := p.ReadMessage(); string(data) != "x" || err != nil {
			t.Errorf("the peer got %q, %v", data, err)
		}
		if _, _, err := p.ReadMessage(); !errors.As(err, &told) || told.Code != websocket.CloseGoingAway {
			t.Errorf("the peer was told %v", err)
		}
		var left *messages.ShutdownError
		if err := <-done; !errors.As(err, &left) || left.Undelivered != 2 || len(left.Left) != 0 {
			t.Errorf("shutdown: %v", err)
		}
		if info, _ := w.m.Info(open); info.Confirmed != 1 {
			t.Errorf("confirmed %d, want 1", info.Confirmed)
		}
	})
}

func TestWithoutASocketShutdownIsAtOnce(t *testing.T) {
	for name, stall := range stalls {
		t.Run(name, func(t *testing.T) {
			bubble(t, actors.Config{}, func(t *testing.T, w *world) {
				target := w.target()
				stall(w, &target)
				id := w.start(target)
				synctest.Wait()
				start := time.Now()
				if err := w.m.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				if took := time.Since(start).Truncate(time.Millisecond); took != 0 {
					t.Errorf("shutdown took %v", took)
				}
				w.state(id, messages.Closed)
			})
		})
	}
}

func TestDuringAndAfterShutdownAllIsRefused(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		defer w.listens("front:80", w.m)()
		p, id := w.greeted()
		done := make(chan error, 1)
		go func() { done <- w.m.Shutdown(w.within(time.Minute)) }()
		synctest.Wait()
		w.refusesAll(id)
		go sink(p)
		if err := <-done; err != nil {
			t.Errorf("shutdown: %v", err)
		}
		w.refusesAll(id)
	})
}

func (w *world) refusesAll(id messages.ID) {
	w.t.Helper()
	x := messages.Text("x")
	_, dialed := w.m.Dial(w.t.Context(), w.target())
	answer := httptest.NewRecorder()
	_, accepted := w.m.Accept(answer, httptest.NewRequest("GET", "/", nil), actors.Client{})
	for what, err := range map[string]error{
		"Dial": dialed, "Accept": accepted, "Send": w.m.Send(id, x), "Deliver": w.m.Deliver(w.t.Context(), id, x),
		"Send to an unknown ID": w.m.Send(messages.NewID(), x),
	} {
		if !errors.Is(err, messages.ErrShutdown) {
			w.t.Errorf("%s: %v", what, err)
		}
	}
	if answer.Code != http.StatusServiceUnavailable {
		w.t.Errorf("a client is answered with %d", answer.Code)
	}
	if admitted, refused := w.m.Broadcast("", x); admitted != 0 {
		w.t.Errorf("broadcast: %d admitted, %d refused", admitted, refused)
	}
}

func TestShutdownDoesNotWaitForAHandlerBeyondItsContext(t *testing.T) {
	release := make(chan struct{})
	config := actors.Config{Handler: actors.OnMessage(func(actors.Conn, messages.Message) error {
		<-release
		return nil
	})}
	bubble(t, config, func(t *testing.T, w *world) {
		release = make(chan struct{}) // of the bubble
		p, id := w.greeted()
		go sink(p)
		start := time.Now()
		err := w.m.Shutdown(w.within(5 * time.Second))
		var left *messages.ShutdownError
		if took := time.Since(start).Truncate(time.Millisecond); took != 5*time.Second || !errors.As(err, &left) || !slices.Equal(left.Left, []messages.ID{id}) {
			t.Errorf("%v after %v, want the one connection after 5s", err, took)
		}
		close(release)
	})
}

func TestShutdownCutsAPeerThatDoesNotAnswer(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		_, id := w.greeted()
		start := time.Now()
		err := w.m.Shutdown(w.within(3 * time.Second))
		var left *messages.ShutdownError
		if took := time.Since(start).Truncate(time.Millisecond); took != 3*time.Second || !errors.As(err, &left) || !slices.Equal(left.Left, []messages.ID{id}) {
			t.Errorf("%v after %v, want the one connection after 3s", err, took)
		}
		w.state(id, messages.Closed)
	})
}

func TestACallbackThatIsStuckIsLeft(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		release := make(chan struct{})
		target := w.target()
		target.Request = func(context.Context, messages.Attempt) (string, http.Header, error) {
			<-release
			return "", nil, nil
		}
		id := w.start(target)
		synctest.Wait()
		err := w.m.Shutdown(w.within(time.Second))
		var left *messages.ShutdownError
		if !errors.As(err, &left) || !slices.Equal(left.Left, []messages.ID{id}) {
			t.Errorf("shutdown: %v", err)
		}
		close(release)
	})
}

func TestASecondShutdownWaitsForTheFirst(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		p, _ := w.greeted()
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { first <- w.m.Shutdown(w.within(time.Minute)) }()
		synctest.Wait()
		go func() { second <- w.m.Shutdown(w.within(time.Minute)) }()
		if err := w.m.Shutdown(w.within(time.Second)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a third one's context ended: %v", err)
		}
		if len(first)+len(second) != 0 {
			t.Error("a Shutdown did not wait")
		}
		go sink(p)
		if err := errors.Join(<-first, <-second); err != nil {
			t.Error(err)
		}
	})
}

func TestShutdownEndsAWaitingDeliver(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		w.gate.Refuse(-1, drops.Refuse{Status: 400})
		id := w.start(w.target())
		w.wait(id, messages.Parked)
		done := make(chan error, 1)
		go func() { done <- w.m.Deliver(t.Context(), id, messages.Text("x")) }()
		synctest.Wait()
		_ = w.m.Shutdown(t.Context())
		if err := <-done; err == nil || errors.Is(err, messages.ErrUnconfirmed) {
			t.Errorf("Deliver: %v", err)
		}
	})
}

func TestAnythingAtOnceWithAShutdownLeavesNothing(t *testing.T) {
	for range 50 {
		bubble(t, actors.Config{}, func(t *testing.T, w *world) {
			defer w.listens("front:80", w.m)()
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if id, err := w.m.Dial(t.Context(), w.target()); err == nil {
						_ = w.m.Send(id, messages.Text("x"))
						_ = w.m.Retry(id)
						_ = w.m.Close(t.Context(), id, 0, "")
					}
				})
				all.Go(func() {
					d := websocket.Dialer{NetDialContext: w.net.DialContext}
					if c, _, err := d.Dial("ws://front:80/", nil); err == nil {
						_, _, _ = c.ReadMessage()
						c.Close()
					}
				})
			}
			all.Go(func() { _ = w.m.Shutdown(w.within(time.Minute)) })
			_ = w.m.Shutdown(w.within(time.Minute))
			all.Wait()
			for info := range w.m.Connections() {
				t.Errorf("%v is %v", info.ID, info.State)
			}
		})
	}
}

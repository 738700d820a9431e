package backend_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors/gateway/backend"
)

func TestTheServiceIsToldOfEachConnectionThatAShutdownCloses(t *testing.T) {
	const connections = 20
	slow := to("closed", func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })
	withHTTP(t, backend.Config{Concurrency: 2}, slow, func(t *testing.T, w *world, h *backend.HTTP) {
		for range connections {
			c := w.connect()
			go c.ReadMessage() // answers the close frame
		}
		if err := w.m.Shutdown(within(t, time.Minute)); err != nil {
			t.Error(err)
		}
		if err := h.Shutdown(within(t, time.Minute)); err != nil {
			t.Error(err)
		}
		if got := w.elapsed(); got != connections/2*time.Second {
			t.Errorf("it took %v", got)
		}
		if got := h.Counts(); got.Closed != connections || got.Delivered != 2*connections {
			t.Errorf("%+v", got)
		}
	})
}

func TestShutdownWaitsForEventsUnderWayAndTakesNoMore(t *testing.T) {
	slow := toMessages(func(http.ResponseWriter, *http.Request) { time.Sleep(3 * time.Second) })
	withHTTP(t, backend.Config{}, slow, func(t *testing.T, w *world, h *backend.HTTP) {
		early, late := w.connect(), w.connect()
		early.say("x")
		synctest.Wait()
		ended := make(chan error)
		go func() { ended <- h.Shutdown(within(t, time.Minute)) }()
		time.Sleep(time.Second)
		late.say("y")
		late.closedWith(1013, "try again later")
		if err := <-ended; err != nil || w.elapsed() != 3*time.Second {
			t.Errorf("%v after %v", err, w.elapsed())
		}
		if got := h.Counts(); got.Delivered != 3 || got.Messages != 2 || len(w.service.got("message")) != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestShutdownCutsWhatTakesTooLong(t *testing.T) {
	for name, serve := range map[string]http.HandlerFunc{
		"a request": stalls,
		"a wait":    func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "20"); w.WriteHeader(503) },
	} {
		t.Run(name, func(t *testing.T) {
			withHTTP(t, backend.Config{Timeout: time.Minute}, toMessages(serve), func(t *testing.T, w *world, h *backend.HTTP) {
				c := w.connect()
				c.say("x")
				synctest.Wait()
				if err := h.Shutdown(within(t, 5*time.Second)); !errors.Is(err, context.DeadlineExceeded) || w.elapsed() != 5*time.Second {
					t.Errorf("%v after %v", err, w.elapsed())
				}
				c.closedWith(1013, "try again later")
				synctest.Wait()
				if err := h.Shutdown(within(t, time.Second)); err != nil {
					t.Errorf("the second time: %v", err)
				}
				if got := h.Counts(); got.Failed != 2 || got.Closed != 1 || len(w.service.got("closed")) != 0 {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

func TestAfterShutdownEventsAreLostAndTheirConnectionsEnd(t *testing.T) {
	withHTTP(t, backend.Config{}, silent, func(t *testing.T, w *world, h *backend.HTTP) {
		before := w.connect()
		if err := h.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		before.say("x")
		before.closedWith(1013, "try again later")
		w.connect().closedWith(1013, "try again later")
		synctest.Wait()
		if got := h.Counts(); got.Failed != 4 || len(w.service.got("")) != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestAShutdownOfTheManagerIsNotHeldUpBeyondItsContext(t *testing.T) {
	withHTTP(t, backend.Config{}, to("closed", stalls), func(t *testing.T, w *world, h *backend.HTTP) {
		c := w.connect()
		go c.ReadMessage()
		_ = w.m.Shutdown(within(t, 2*time.Second))
		if got := w.elapsed(); got != 2*time.Second {
			t.Errorf("the manager took %v", got)
		}
		if err := h.Shutdown(within(t, 0)); err == nil || w.elapsed() != 2*time.Second {
			t.Errorf("%v after %v", err, w.elapsed())
		}
	})
}

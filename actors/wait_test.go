package actors_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// waits calls Wait on a goroutine of its own.
func (w *world) waits(id messages.ID, states ...messages.State) <-chan error {
	done := make(chan error, 1)
	go func() { done <- w.m.Wait(w.t.Context(), id, states...) }()
	synctest.Wait()
	return done
}

func TestWaitSeesAStateInPassing(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		backoff, connecting := w.waits(id, messages.Backoff), w.waits(id, messages.Parked, messages.Connecting)
		drops.Reset{}.Inject(w.wire())
		time.Sleep(time.Second)
		w.state(id, messages.Open)
		if err := errors.Join(<-backoff, <-connecting); err != nil {
			t.Error(err)
		}
	})
}

func TestWaitReturnsAtOnceInTheState(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		ctx := w.cancelledAfter(0)
		for range 100 {
			if err := w.m.Wait(ctx, id, messages.Closed, messages.Open); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestWaitReturnsTheCloseErrorWhenNoneCanCome(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		early, closed := w.waits(id, messages.Parked), w.waits(id, messages.Closed)
		if err := w.m.Close(t.Context(), id, 4001, "over"); err != nil {
			t.Fatal(err)
		}
		if err := <-early; !closedWith(err, 4001, "over") {
			t.Errorf("who waited got %v", err)
		}
		if err := <-closed; err != nil {
			t.Errorf("who waited for Closed got %v", err)
		}
		if err := w.m.Wait(t.Context(), id, messages.Open); !closedWith(err, 4001, "over") {
			t.Errorf("who came later got %v", err)
		}
		if err := w.m.Wait(t.Context(), id, messages.Open, messages.Closed); err != nil {
			t.Errorf("who waits for Closed later got %v", err)
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		start := time.Now()
		err := w.m.Wait(w.within(3*time.Second), id, messages.Parked)
		if took := time.Since(start); took != 3*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestWaitNeedsAState(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		if err := w.m.Wait(t.Context(), w.dial(w.target())); !errors.Is(err, messages.ErrInvalid) {
			t.Errorf("no states: %v", err)
		}
	})
}

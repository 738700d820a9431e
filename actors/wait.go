package actors

import (
	"context"
	"slices"

	"github.com/tetherws/tether/messages"
)

// waiter is somebody who waits for a state.
type waiter struct {
	states  []messages.State
	reached bool
	done    chan struct{} // closed when one was reached, or none can be any more
}

// Wait blocks until the connection has reached one of the states, if only in
// passing, or ctx ends, whose error it then returns. It returns at once if
// the connection is in one of them; once the connection is closed, and Closed
// is none of them, it returns the *[messages.CloseError].
//
// It must not be called from the connection's own handler.
func (m *Manager) Wait(ctx context.Context, id messages.ID, states ...messages.State) error {
	if len(states) == 0 {
		return invalid("Wait needs a state")
	}
	r, err := m.lookup(id)
	if r == nil {
		if ended(err) && slices.Contains(states, messages.Closed) {
			return nil
		}
		return err
	}
	r.mu.Lock()
	w := r.await(states...)
	r.mu.Unlock()
	select {
	case <-w.done:
	case <-ctx.Done():
		if r.leave(w) {
			return ctx.Err()
		}
	}
	if !w.reached {
		return r.end // set before done was closed
	}
	return nil
}

// leave gives a wait up, and reports false if it has ended.
func (r *record) leave(w *waiter) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.waiters, w)
	if i >= 0 {
		r.waiters = slices.Delete(r.waiters, i, i+1)
	}
	return i >= 0
}

// await registers a waiter. mu is held.
func (r *record) await(states ...messages.State) *waiter {
	w := &waiter{states: states, done: make(chan struct{})}
	r.waiters = append(r.waiters, w)
	r.wakeWaiters()
	return w
}

// wakeWaiters tells those who waited for the present state, and at the end
// everybody. mu is held.
func (r *record) wakeWaiters() {
	r.waiters = slices.DeleteFunc(r.waiters, func(w *waiter) bool {
		w.reached = slices.Contains(w.states, r.state)
		if w.reached || r.state == messages.Closed {
			close(w.done)
			return true
		}
		return false
	})
}

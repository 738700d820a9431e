package drops

import (
	"sync"
	"time"
)

// monitor is a lock with a condition on which one may wait until a deadline.
// The timer lives only as long as the wait does: an idle connection holds
// none, and moving a deadline that nobody waits for costs nothing.
type monitor struct {
	sync.Mutex
	cond sync.Cond
}

// wait returns after a broadcast or at the deadline (zero: none), and may
// return early. The caller holds the lock.
func (m *monitor) wait(deadline time.Time) {
	m.cond.L = &m.Mutex
	if !deadline.IsZero() {
		defer time.AfterFunc(time.Until(deadline), m.wake).Stop()
	}
	m.cond.Wait()
}

// wake takes the lock so that it can't fall between a waiter's look at the
// clock and its wait.
func (m *monitor) wake() {
	m.Lock()
	defer m.Unlock()
	m.cond.Broadcast()
}

// passed reports whether the deadline is set and has come.
func passed(deadline time.Time) bool {
	return !deadline.IsZero() && !time.Now().Before(deadline)
}

package drops

import (
	"errors"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// BackoffKept holds that a connection is not dialed again and again: each
// failure is counted, an opening alone never resets the count, and only a
// socket that was open for Healthy begins it anew. The delays are at most
// BackoffCap, or what the server has asked for, and Probe where the connection
// is parked; and they are served, unless Retry ends them.
func BackoffKept(e Expect) Invariant { return &backoffKept{expect: e.withDefaults()} }

type backoffKept struct {
	instant
	expect Expect
	conns  perConn[patience]
}

// patience is how a connection waits.
type patience struct {
	state   messages.State
	since   time.Duration // of state
	failed  int
	next    time.Duration // when the next attempt may begin
	retried bool          // Retry was called,
	retry   time.Duration // at that time
	began   time.Time     // what the fleet's clock shows at the simulation's start
}

// What a server may ask for beyond the cap.
const (
	mostRetryAfter = 10 * time.Minute
	tryLaterCode   = 1013
	tryLaterFloor  = 30 * time.Second
)

func (*backoffKept) String() string { return "backoff kept" }

// Observe implements Invariant.
func (i *backoffKept) Observe(at time.Duration, o Observation) error {
	return errors.Join(i.pass(at), i.see(at, o))
}

func (i *backoffKept) see(at time.Duration, o Observation) error {
	switch o := o.(type) {
	case Told:
		if t, ok := o.Event.(messages.EventTransition); ok {
			return i.move(at, o.Conn, t)
		}
	case Retried:
		if c := i.conns.of(o.Conn); o.Err == nil {
			c.retried, c.retry = true, at
		}
	case Polled:
		return i.conns.of(o.Conn).polled(at, o)
	case Over:
		return i.judge()
	}
	return nil
}

func (i *backoffKept) move(at time.Duration, conn int, t messages.EventTransition) error {
	c := i.conns.of(conn)
	before := *c
	c.state, c.since, c.failed, c.began = t.To, at, t.Attempt, t.At.Add(-at)
	what := fmt.Sprintf("connection %d: from %v to %v at %v", conn, t.From, t.To, at)
	switch t.To {
	case messages.Backoff, messages.Parked:
		c.next = at + t.Delay
		return errors.Join(i.counted(what, at, before, t), i.bounded(what, t))
	case messages.Connecting:
		if at < before.next {
			i.atEnd(func() error { return c.served(at, what, before) })
		}
		fallthrough
	case messages.Open:
		if t.Attempt != before.failed {
			return fmt.Errorf("%s, and the count of failures went from %d to %d", what, before.failed, t.Attempt)
		}
	}
	return nil
}

// counted holds that a failure was.
func (i *backoffKept) counted(what string, at time.Duration, before patience, t messages.EventTransition) error {
	healthy := t.From == messages.Open && at-before.since >= i.expect.Healthy
	if t.Attempt == before.failed+1 || healthy && t.Attempt == 1 {
		return nil
	}
	return fmt.Errorf("%s, after %v, the count of failures went from %d to %d", what, at-before.since, before.failed, t.Attempt)
}

// bounded holds that the delay is.
func (i *backoffKept) bounded(what string, t messages.EventTransition) error {
	switch most := max(i.expect.BackoffCap, askedFor(t.Cause)); {
	case t.To == messages.Parked && t.Delay != i.expect.Probe:
		return fmt.Errorf("%s, to be probed after %v and not %v", what, t.Delay, i.expect.Probe)
	case t.To == messages.Backoff && (t.Delay < 0 || t.Delay > most):
		return fmt.Errorf("%s for %s, with a delay of %v, at most %v", what, quote(t.Cause), t.Delay, most)
	}
	return nil
}

// askedFor is how long the server has asked this connection to stay away.
func askedFor(cause error) time.Duration {
	var (
		refused *messages.HandshakeError
		closed  *messages.PeerCloseError
	)
	switch {
	case errors.As(cause, &refused):
		return min(refused.RetryAfter, mostRetryAfter)
	case errors.As(cause, &closed) && closed.Code == tryLaterCode:
		return tryLaterFloor
	}
	return 0
}

// served holds, at the end of the instant in which the wait ended too early,
// that Retry has ended it.
func (c *patience) served(at time.Duration, what string, before patience) error {
	if c.retried && c.retry == at {
		return nil
	}
	return fmt.Errorf("%s, and was to wait from %v to %v", what, before.since, before.next)
}

func (c *patience) polled(at time.Duration, o Polled) error {
	waits := o.Info.State == messages.Backoff || o.Info.State == messages.Parked
	if now := c.began.Add(at); waits && o.Info.NextAttempt.Before(now) {
		return fmt.Errorf("connection %d: %v at %v, and its next attempt was due %v before",
			o.Conn, o.Info.State, at, now.Sub(o.Info.NextAttempt))
	}
	return nil
}

package drops

import (
	"errors"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// BackInTime holds that, once calm, each connection that is down is Open again
// when its wait has ended, or Retry has ended it, and it has had its turn at the
// governor. That takes HandshakeTimeout for a dial that is stuck, 1 s for the
// probe of a pool that failed everybody, and a turn of each connection, at
// PerSecond. A Retry-After with 503 keeps all of them away.
//
// By Due all that are not closed must be back. None is lost after the calm but
// by what began before: a dial, or a silence, found within Idle + Timeout.
func BackInTime(e Expect) Invariant { return &backInTime{expect: e.withDefaults()} }

type backInTime struct {
	expect Expect
	conns  perConn[absence]
	due    deadlines
	begun  int           // connections
	held   time.Duration // until when the whole pool is kept away
	calm   bool
	since  time.Duration // of calm
	ending bool
}

// absence is whether a connection is down, and until when.
type absence struct {
	state   messages.State
	since   time.Duration // of state
	next    time.Duration // when its wait ends
	dialed  time.Duration
	leaving bool // it is being closed for good
}

// probing is how long a pool that failed everybody waits for its next dial.
const probing = time.Second

func (*backInTime) String() string { return "back in time" }

// Observe implements Invariant.
func (i *backInTime) Observe(at time.Duration, o Observation) error {
	var errs []error
	for conn, due, ok := i.due.missed(at); ok; conn, due, ok = i.due.missed(at) {
		errs = append(errs, i.late(conn, due))
	}
	return errors.Join(append(errs, i.see(at, o))...)
}

func (i *backInTime) late(conn int, due time.Duration) error {
	c := i.conns.of(conn)
	return fmt.Errorf("connection %d: %v since %v, and had to be open by %v; calm since %v", conn, c.state, c.since, due, i.since)
}

func (i *backInTime) see(at time.Duration, o Observation) error {
	switch o := o.(type) {
	case Began:
		i.begun++
	case Dialed:
		i.conns.of(o.Conn).dialed = at
	case Told:
		if t, ok := o.Event.(messages.EventTransition); ok {
			return i.move(at, o.Conn, t)
		}
	case Retried:
		if c := i.conns.of(o.Conn); o.Err == nil && c.waits() {
			c.next = at
			i.expectBack(at, o.Conn)
		}
	case Closing:
		i.conns.of(o.Conn).leaving = true
		i.due.clear(o.Conn)
	case Calm:
		i.calmed(at)
	case Due:
		return i.allBack(at)
	case Ending:
		i.ending = true
		i.due = deadlines{}
	}
	return nil
}

func (c *absence) waits() bool { return c.state == messages.Backoff || c.state == messages.Parked }

func (c *absence) away() bool { return c.waits() || c.state == messages.Connecting }

func (i *backInTime) calmed(at time.Duration) {
	i.calm, i.since = true, at
	for conn, c := range i.conns {
		if c.away() {
			i.expectBack(at, conn)
		}
	}
}

// expectBack sets the time by which the connection must be back.
func (i *backInTime) expectBack(at time.Duration, conn int) {
	c := i.conns.of(conn)
	if !i.calm || i.ending || c.leaving {
		return
	}
	from := max(at, i.held)
	if c.waits() {
		from = max(from, c.next)
	}
	turns := time.Duration(i.begun) * i.expect.spacing()
	i.due.set(conn, from+i.expect.HandshakeTimeout+probing+turns)
}

func (i *backInTime) move(at time.Duration, conn int, t messages.EventTransition) error {
	c := i.conns.of(conn)
	c.state, c.since = t.To, at
	i.hold(at, t.Cause)
	switch t.To {
	case messages.Connecting:
		i.expectBack(at, conn)
	case messages.Backoff, messages.Parked:
		c.next = at + t.Delay
		i.expectBack(at, conn)
		return i.lost(at, conn, t)
	default:
		i.due.clear(conn)
	}
	return nil
}

// hold takes note of a Retry-After that keeps all of a pool away.
func (i *backInTime) hold(at time.Duration, cause error) {
	const unavailable = 503
	var refused *messages.HandshakeError
	if errors.As(cause, &refused) && refused.Status == unavailable {
		i.held = max(i.held, at+askedFor(cause))
	}
}

// lost holds that after the calm no connection is, for nothing.
func (i *backInTime) lost(at time.Duration, conn int, t messages.EventTransition) error {
	c := i.conns.of(conn)
	switch {
	case !i.calm || at == i.since:
		return nil
	case t.From == messages.Connecting && c.dialed <= i.since:
		return nil
	case t.From == messages.Open && silent(t.Cause) && at-i.since <= i.expect.Idle+i.expect.Timeout:
		return nil
	}
	return fmt.Errorf("connection %d: from %v to %v at %v for %s, calm since %v", conn, t.From, t.To, at, quote(t.Cause), i.since)
}

func (i *backInTime) allBack(at time.Duration) error {
	var errs []error
	for conn, c := range i.conns {
		if c.away() && !c.leaving {
			errs = append(errs, i.late(conn, at))
		}
	}
	return errors.Join(errs...)
}

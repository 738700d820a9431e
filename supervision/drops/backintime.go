package drops

import (
	"errors"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// BackInTime holds that, once calm, each connection that is down is Open again
// by the time at which its wait ends, or as soon as Retry has ended it, and the
// governor's queue: a dial that is stuck, HandshakeTimeout; a probe of a
// pool that has failed everybody, 1 s; and a turn for each connection, at PerSecond.
// A Retry-After of a 503 counts for all. By Due all that were not Parked must be
// back; and none is lost any more, but for what began before the calm: a dial,
// or a silence, which is found within Idle + Timeout.
func BackInTime(e Expect) Invariant { return &backInTime{expect: e.withDefaults()} }

type backInTime struct {
	expect Expect
	conns  perConn[absence]
	due    deadlines
	begun  int // connections
	held   time.Duration
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
	awaited bool // it must be back at Due
}

const probing = time.Second

func (*backInTime) String() string { return "back in time" }

// Observe implements Invariant.
func (i *backInTime) Observe(at time.Duration, o Observation) error {
	var errs []error
	for conn, due, ok := i.due.missed(at); ok; conn, due, ok = i.due.missed(at) {
		errs = append(errs, i.away(conn, due))
	}
	return errors.Join(append(errs, i.see(at, o))...)
}

func (i *backInTime) away(conn int, due time.Duration) error {
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

func (i *backInTime) calmed(at time.Duration) {
	i.calm, i.since = true, at
	for conn, c := range i.conns {
		c.awaited = c.state == messages.Backoff || c.state == messages.Connecting
		if c.awaited || c.waits() {
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
		c.awaited = false
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
		if c.awaited && !c.leaving {
			errs = append(errs, i.away(conn, at))
		}
	}
	return errors.Join(errs...)
}

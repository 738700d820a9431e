package drops

import (
	"errors"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// ClosedIsFinal holds that a connection closes only when it is asked to, or
// with the whole fleet; that it has closed when Close returns; and that nothing
// comes of it any more: no event, no dial, no socket. What is asked of it is
// answered with messages.ErrClosed for a minute, and then with
// messages.ErrUnknownConnection. No message is admitted from its Closing on.
func ClosedIsFinal() Invariant { return &closedIsFinal{} }

type closedIsFinal struct {
	instant
	conns  perConn[finality]
	closed int
	ending bool // the fleet is being shut down
}

// finality is how far a connection has closed.
type finality struct {
	asked bool
	state messages.State
	since time.Duration // of state
}

// A fleet forgets a closed connection after a minute, and earlier if more than
// so many have closed.
const (
	rememberedFor  = time.Minute
	mostRemembered = 10_000
)

func (*closedIsFinal) String() string { return "closed is final" }

// Observe implements Invariant.
func (i *closedIsFinal) Observe(at time.Duration, o Observation) error {
	return errors.Join(i.pass(at), i.see(at, o))
}

func (i *closedIsFinal) see(at time.Duration, o Observation) error {
	switch o := o.(type) {
	case Told:
		return i.told(at, o)
	case Dialed:
		return i.dead(at, o.Conn, "was dialed")
	case Accepted:
		return i.dead(at, o.Conn, fmt.Sprintf("got socket %d", o.Socket))
	case Admitted:
		return i.answered(at, o.Conn, fmt.Sprintf("to message %d", o.Number), o.Err)
	case Retried:
		return i.answered(at, o.Conn, "to Retry", o.Err)
	case Polled:
		return i.polled(at, o)
	case Closing:
		i.conns.of(o.Conn).asked = true
	case Closed:
		i.atEnd(func() error { return i.hasClosed(at, o) })
	case Ending:
		i.ending = true
	case Over:
		return i.judge()
	}
	return nil
}

func (i *closedIsFinal) told(at time.Duration, o Told) error {
	c := i.conns.of(o.Conn)
	t, moved := o.Event.(messages.EventTransition)
	switch {
	case c.state == messages.Closed && (moved || at > c.since):
		return fmt.Errorf("connection %d: closed at %v, and told %T at %v", o.Conn, c.since, o.Event, at)
	case !moved:
		return nil
	}
	c.state, c.since = t.To, at
	if t.To == messages.Closed {
		i.closed++
	}
	if (t.To == messages.Closed || t.To == messages.Closing) && !c.asked && !i.ending {
		return fmt.Errorf("connection %d: %v at %v for %s, and nobody had asked for it", o.Conn, t.To, at, quote(t.Cause))
	}
	return nil
}

// dead holds that what is said of the connection was not after its end.
func (i *closedIsFinal) dead(at time.Duration, conn int, what string) error {
	if c := i.conns.of(conn); c.is(messages.Closed, at) {
		return fmt.Errorf("connection %d: closed at %v, and %s at %v", conn, c.since, what, at)
	}
	return nil
}

func (i *closedIsFinal) hasClosed(at time.Duration, o Closed) error {
	if c := i.conns.of(o.Conn); c.state != messages.Closed {
		return fmt.Errorf("connection %d: Close returned %s at %v, and it is %v", o.Conn, quote(o.Err), at, c.state)
	}
	return nil
}

func (i *closedIsFinal) polled(at time.Duration, o Polled) error {
	if c := i.conns.of(o.Conn); c.state != messages.Closed {
		return nil
	}
	return i.answered(at, o.Conn, "to Info", o.Err)
}

// answered holds what the fleet has answered to the rules.
func (i *closedIsFinal) answered(at time.Duration, conn int, what string, err error) error {
	c := i.conns.of(conn)
	if !c.is(messages.Closed, at) && !c.is(messages.Closing, at) || i.fits(at, c, err) {
		return nil
	}
	return fmt.Errorf("connection %d: %v since %v, and the answer %s at %v was %s", conn, c.state, c.since, what, at, quote(err))
}

func (i *closedIsFinal) fits(at time.Duration, c *finality, err error) bool {
	if i.ending && err != nil {
		return true // which of them, is a matter of what has ended first
	}
	gone := c.state == messages.Closed && at >= c.since+rememberedFor
	switch {
	case errors.Is(err, messages.ErrClosed):
		return !gone || at == c.since+rememberedFor
	case errors.Is(err, messages.ErrUnknownConnection):
		return gone || c.state == messages.Closed && i.closed > mostRemembered
	}
	return false
}

// is reports whether the connection was in the state before this instant.
func (c *finality) is(s messages.State, at time.Duration) bool { return c.state == s && at > c.since }

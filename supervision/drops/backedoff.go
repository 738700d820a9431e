package drops

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tetherws/tether/messages"
)

// BackedOff holds that waiting is in earnest. A Retry-After with 503 keeps the
// whole fleet from dialing, one with 429 the connection; after 1013 it stays
// away for 30 s. The delays after network errors spread over their ceilings,
// which begin at Backoff, double, and end at BackoffCap: over a whole run their
// mean is a quarter of that at least. And once a socket was open and undisturbed
// for Healthy + Timeout, the next failure counts as the first.
func BackedOff(e Expect) Invariant { return &backedOff{expect: e.withDefaults()} }

type backedOff struct {
	expect Expect
	conns  perConn[restraint]
	held   time.Duration // nobody dials before
	delays int
	parts  float64 // the sum of the delays, as parts of their ceilings
}

// restraint is what keeps a connection from being dialed, and its latest socket.
type restraint struct {
	away      time.Duration // it does not dial before
	socket    int
	opened    time.Duration
	disturbed bool // before it could prove its health
}

// Enough delays for their mean to say something.
const enoughDelays, leastMean = 30, 0.25

func (*backedOff) String() string { return "backed off" }

// Observe implements Invariant.
func (i *backedOff) Observe(at time.Duration, o Observation) error {
	switch o := o.(type) {
	case Dialed:
		return i.dialed(at, o)
	case Struck:
		if c := i.conns.of(o.Conn); o.Err == nil && o.Socket == c.socket {
			c.disturbed = c.disturbed || at < i.proven(c)
		}
	case Retried:
		if o.Err == nil {
			i.conns.of(o.Conn).away = 0
		}
	case Told:
		if t, ok := o.Event.(messages.EventTransition); ok {
			return i.move(at, o.Conn, t)
		}
	case Over:
		return i.judge()
	}
	return nil
}

// proven is when the socket must have proven its health.
func (i *backedOff) proven(c *restraint) time.Duration {
	return c.opened + i.expect.Healthy + i.expect.Timeout
}

func (i *backedOff) dialed(at time.Duration, o Dialed) error {
	c := i.conns.of(o.Conn)
	away := c.away
	*c = restraint{socket: o.Socket, opened: at}
	switch {
	case at < i.held:
		return fmt.Errorf("connection %d: dialed at %v, and the server has asked all to stay away until %v", o.Conn, at, i.held)
	case at < away:
		return fmt.Errorf("connection %d: dialed at %v, and the server has asked it to stay away until %v", o.Conn, at, away)
	}
	return nil
}

func (i *backedOff) move(at time.Duration, conn int, t messages.EventTransition) error {
	c := i.conns.of(conn)
	switch t.To {
	case messages.Open:
		c.opened = at
	case messages.Backoff, messages.Parked:
		i.heed(at, c, t)
		if t.From == messages.Open && !c.disturbed && at >= i.proven(c) && t.Attempt > 1 {
			return fmt.Errorf("connection %d: open and undisturbed from %v to %v, and the failure counts as number %d", conn, c.opened, at, t.Attempt)
		}
	}
	return nil
}

// heed notes how long the server has asked to stay away, or else how long the
// connection means to.
func (i *backedOff) heed(at time.Duration, c *restraint, t messages.EventTransition) {
	var (
		refused *messages.HandshakeError
		closed  *messages.PeerCloseError
	)
	switch {
	case errors.As(t.Cause, &refused):
		until := at + askedFor(t.Cause)
		switch refused.Status {
		case http.StatusServiceUnavailable:
			i.held = max(i.held, until)
		case http.StatusTooManyRequests:
			c.away = until
		}
	case errors.As(t.Cause, &closed):
		c.away = at + askedFor(t.Cause)
	case t.To == messages.Backoff:
		i.delays++
		i.parts += float64(t.Delay) / float64(i.ceiling(t.Attempt))
	}
}

// ceiling is that of the delay after so many failures.
func (i *backedOff) ceiling(failures int) time.Duration {
	ceiling := i.expect.Backoff
	for ; failures > 1 && ceiling < i.expect.BackoffCap; failures-- {
		ceiling *= 2
	}
	return min(ceiling, i.expect.BackoffCap)
}

func (i *backedOff) judge() error {
	if mean := i.parts / float64(i.delays); i.delays >= enoughDelays && mean < leastMean {
		return fmt.Errorf("%d delays were %.2f of their ceilings in the mean, and not %v at least", i.delays, mean, leastMean)
	}
	return nil
}

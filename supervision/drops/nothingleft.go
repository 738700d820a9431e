package drops

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tetherws/tether/messages"
)

// NothingLeft holds that a fleet that was shut down leaves nothing behind: no
// connection that is not Closed, no message undelivered, no goroutine, no open
// socket, and no memory of its connections.
func NothingLeft() Invariant { return &nothingLeft{} }

type nothingLeft struct {
	conns perConn[remains]
	over  bool
}

// remains is what is left of a connection.
type remains struct {
	begun  bool
	state  messages.State
	polled bool
	at     time.Duration // of the last look at its Info
	err    error         // of that
}

func (*nothingLeft) String() string { return "nothing left" }

// Observe implements Invariant.
func (i *nothingLeft) Observe(at time.Duration, o Observation) error {
	switch o := o.(type) {
	case Began:
		i.conns.of(o.Conn).begun = true
	case Told:
		if t, ok := o.Event.(messages.EventTransition); ok {
			i.conns.of(o.Conn).state = t.To
		}
	case Polled:
		c := i.conns.of(o.Conn)
		c.polled, c.at, c.err = true, at, o.Err
		if i.over {
			return i.forgotten(o.Conn, c)
		}
	case Over:
		return i.ended(at, o)
	}
	return nil
}

func (i *nothingLeft) ended(at time.Duration, o Over) error {
	i.over = true
	var errs []error
	if o.Err != nil {
		errs = append(errs, fmt.Errorf("shutdown: %w", o.Err))
	}
	if o.Open > 0 {
		errs = append(errs, fmt.Errorf("%d sockets were open after the shutdown", o.Open))
	}
	if len(o.Left) > 0 {
		errs = append(errs, fmt.Errorf("%d goroutines are left at %v:\n%s", len(o.Left), at, strings.Join(o.Left, "\n\n")))
	}
	for conn, c := range i.conns {
		if c.begun && c.state != messages.Closed {
			errs = append(errs, fmt.Errorf("connection %d: still %v at %v", conn, c.state, at))
		}
		if c.polled && c.at == at {
			errs = append(errs, i.forgotten(conn, c))
		}
	}
	return errors.Join(errs...)
}

// forgotten holds that the fleet knows the connection no more.
func (i *nothingLeft) forgotten(conn int, c *remains) error {
	if errors.Is(c.err, messages.ErrUnknownConnection) {
		return nil
	}
	return fmt.Errorf("connection %d: its Info at %v, when all was over, was answered with %s", conn, c.at, quote(c.err))
}

package drops

import (
	"errors"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// OneSocket holds that no connection ever has two live sockets: that the server
// accepts one only when the fleet has given up the others, and that the fleet
// dials only while it says that the connection is Connecting.
func OneSocket() Invariant { return &oneSocket{} }

type oneSocket struct {
	instant
	conns perConn[dialing]
}

// dialing is whether, and when last, a connection was Connecting.
type dialing struct {
	state messages.State
	left  time.Duration // when it last ceased to be Connecting
}

func (*oneSocket) String() string { return "one socket" }

// Observe implements Invariant.
func (i *oneSocket) Observe(at time.Duration, o Observation) error {
	return errors.Join(i.pass(at), i.see(at, o))
}

func (i *oneSocket) see(at time.Duration, o Observation) error {
	switch o := o.(type) {
	case Told:
		if t, ok := o.Event.(messages.EventTransition); ok {
			i.conns.of(o.Conn).move(at, t)
		}
	case Dialed:
		c := i.conns.of(o.Conn)
		i.atEnd(func() error { return c.dialed(at, o) })
	case Accepted:
		if len(o.Live) > 0 {
			return fmt.Errorf("connection %d: socket %d was accepted at %v, while sockets %v live", o.Conn, o.Socket, at, o.Live)
		}
	case Over:
		return i.judge()
	}
	return nil
}

func (d *dialing) move(at time.Duration, t messages.EventTransition) {
	if t.From == messages.Connecting {
		d.left = at
	}
	d.state = t.To
}

// dialed is asked when the instant is over: in it the connection may have
// become Connecting after the dial was seen, and be Open again by now.
func (d *dialing) dialed(at time.Duration, o Dialed) error {
	if d.state == messages.Connecting || d.left == at {
		return nil
	}
	return fmt.Errorf("connection %d: socket %d was dialed at %v, while it was %v", o.Conn, o.Socket, at, d.state)
}

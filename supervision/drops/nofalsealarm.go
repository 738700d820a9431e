package drops

import (
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// NoFalseAlarm holds that a socket is given up for its silence, with
// messages.ErrHeartbeatTimeout or messages.ErrUnconfirmed, only where a fault
// has kept the answers to pings from it, at some time in the Timeout before.
func NoFalseAlarm(e Expect) Invariant { return &noFalseAlarm{expect: e.withDefaults()} }

type noFalseAlarm struct {
	expect Expect
	conns  perConn[excuse]
}

// excuse is why a connection's latest socket may have fallen silent.
type excuse struct {
	socket  int
	opened  time.Duration
	lasting bool          // a fault that delays is in force
	ever    bool          // or was
	ended   time.Duration // when the last one was healed
}

func (*noFalseAlarm) String() string { return "no false alarm" }

// Observe implements Invariant.
func (i *noFalseAlarm) Observe(at time.Duration, o Observation) error {
	switch o := o.(type) {
	case Dialed:
		*i.conns.of(o.Conn) = excuse{socket: o.Socket}
	case Struck:
		if c := i.conns.of(o.Conn); o.Err == nil && o.Socket == c.socket {
			c.begin(at, delays(o.What, i.expect.Timeout))
		}
	case Healed:
		if c := i.conns.of(o.Conn); o.Socket == c.socket {
			c.begin(at, false)
		}
	case Told:
		if t, ok := o.Event.(messages.EventTransition); ok {
			return i.judge(at, o.Conn, t)
		}
	}
	return nil
}

// begin has a fault follow what lasted until then.
func (c *excuse) begin(at time.Duration, delays bool) {
	if c.lasting {
		c.ended = at
	}
	c.lasting = delays
	c.ever = c.ever || delays
}

func (i *noFalseAlarm) judge(at time.Duration, conn int, t messages.EventTransition) error {
	c := i.conns.of(conn)
	if t.To == messages.Open {
		c.opened = at
	}
	if t.From != messages.Open || !silent(t.Cause) || c.lasting || c.ever && at-c.ended <= i.expect.Timeout {
		return nil
	}
	return fmt.Errorf("connection %d: socket %d, open since %v, was given up at %v for %s, and nothing had silenced it",
		conn, c.socket, c.opened, at, quote(t.Cause))
}

package drops

import (
	"errors"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// GovernorHeld holds that dials keep their distance, 1/PerSecond from one to
// the next without any burst, and that never more than Concurrent are under
// way. See [Expect] for which bounds these are. A dial is under way until its
// connection is no longer Connecting.
func GovernorHeld(e Expect) Invariant {
	e = e.withDefaults()
	return &governorHeld{most: e.Concurrent, apart: e.spacing()}
}

type governorHeld struct {
	instant
	most     int
	apart    time.Duration
	conns    perConn[attempting]
	underWay int
	begun    bool
	last     Dialed
	lastAt   time.Duration
}

// attempting is whether a dial of a connection is under way.
type attempting struct{ dials, closed bool }

func (*governorHeld) String() string { return "governor held" }

// Observe implements Invariant.
func (i *governorHeld) Observe(at time.Duration, o Observation) error {
	return errors.Join(i.pass(at), i.see(at, o))
}

func (i *governorHeld) see(at time.Duration, o Observation) error {
	switch o := o.(type) {
	case Dialed:
		return i.dialed(at, o)
	case Told:
		if t, ok := o.Event.(messages.EventTransition); ok {
			i.move(i.conns.of(o.Conn), t)
		}
	case Over:
		return i.judge()
	}
	return nil
}

func (i *governorHeld) move(c *attempting, t messages.EventTransition) {
	if t.From == messages.Connecting && c.dials {
		c.dials = false
		i.underWay--
	}
	c.closed = t.To == messages.Closed
}

func (i *governorHeld) dialed(at time.Duration, o Dialed) error {
	before, beforeAt, first := i.last, i.lastAt, !i.begun
	i.last, i.lastAt, i.begun = o, at, true
	if c := i.conns.of(o.Conn); !c.dials && !c.closed { // a dial may be noticed after its connection has closed
		c.dials = true
		i.underWay++
	}
	if i.underWay > i.most {
		i.atEnd(func() error { return i.crowded(at, o) })
	}
	if first || at-beforeAt >= i.apart {
		return nil
	}
	return fmt.Errorf("connection %d: dialed at %v, %v after connection %d and not %v", o.Conn, at, at-beforeAt, before.Conn, i.apart)
}

// crowded is asked when the instant is over: the end of one dial, which lets
// the next begin, may be told after that.
func (i *governorHeld) crowded(at time.Duration, o Dialed) error {
	if i.underWay <= i.most {
		return nil
	}
	return fmt.Errorf("connection %d: its dial at %v made %d that were under way, of at most %d", o.Conn, at, i.underWay, i.most)
}

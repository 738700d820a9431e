package drops

import (
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// InOrder holds that the messages of each connection arrive in order: on one
// socket their numbers rise; those that are AtLeastOnce arrive for the first
// time in the order in which they were sent; and one that is AtMostOnce does so
// once. A server that reads a dead socket late may see there, out of turn, what
// has ended since without a confirmation.
func InOrder() Invariant { return &inOrder{} }

type inOrder struct{ conns perConn[sequence] }

// sequence is the order of one connection's messages.
type sequence struct {
	mail
	at      time.Duration // of the latest arrival
	highest uint64        // AtLeastOnce message that has arrived
	before  uint64        // what highest was before the instant at
}

func (*inOrder) String() string { return "in order" }

// Observe implements Invariant.
func (i *inOrder) Observe(at time.Duration, o Observation) error {
	switch o := o.(type) {
	case Sent:
		i.conns.of(o.Conn).send(at, o)
	case Accepted:
		i.conns.of(o.Conn).accept(at, o.Socket)
	case Ended:
		i.conns.of(o.Conn).unread(o.Socket)
	case Told:
		if e, ok := o.Event.(messages.EventOutcome); ok {
			i.conns.of(o.Conn).end(at, e)
		}
	case Arrived:
		return i.conns.of(o.Conn).arrive(at, o)
	}
	return nil
}

func (s *sequence) end(at time.Duration, e messages.EventOutcome) {
	if l := s.find(e.Number); l != nil && l.outcome == 0 {
		l.outcome, l.ended = e.Outcome, at
	}
	s.tidy(at)
}

// tidy forgets what can't arrive any more.
func (s *sequence) tidy(now time.Duration) {
	for more := true; more; {
		_, _, more = s.forget(now)
	}
}

func (s *sequence) arrive(at time.Duration, o Arrived) error {
	if at != s.at {
		s.at, s.before = at, s.highest
	}
	if last := s.read(o); o.Number <= last {
		return fmt.Errorf("%s, behind message %d", arrival(at, o), last)
	}
	l := s.find(o.Number)
	if l == nil {
		if o.Number <= s.gone {
			return fmt.Errorf("%s, which was opened after its end", arrival(at, o))
		}
		return nil // nobody has sent it, which is for OneOutcome to tell
	}
	again := l.arrived
	l.arrived = true
	switch {
	case l.Guarantee == messages.AtMostOnce && again:
		return fmt.Errorf("%s, once more in spite of at-most-once", arrival(at, o))
	case l.Guarantee == messages.AtMostOnce || again || l.lapsed():
		return nil
	case o.Number < s.before:
		return fmt.Errorf("%s, first after message %d, both at-least-once", arrival(at, o), s.before)
	}
	s.highest = max(s.highest, o.Number)
	return nil
}

// lapsed reports whether the letter has ended without a confirmation.
func (l *letter) lapsed() bool { return l.outcome != 0 && l.outcome != messages.OutcomeConfirmed }

func arrival(at time.Duration, o Arrived) string {
	return fmt.Sprintf("connection %d: message %d arrived at %v on socket %d", o.Conn, o.Number, at, o.Socket)
}

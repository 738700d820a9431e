package drops

import (
	"errors"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// OneOutcome holds that each message that was admitted has one outcome by the
// end, and one that is true: what was confirmed has arrived, what is said not
// to have left has not, and nothing is written after its end. A message expires
// by its TTL, or with the socket it was tied to, and while the connection is
// down exactly then; it is replaced by a newer one with its key; it is left
// undelivered only by a connection that closes; and it is refused only where it
// may be what the peer drops the connection over.
//
// No AtLeastOnce message is lost: it has one of these outcomes, or is confirmed.
func OneOutcome() Invariant { return &oneOutcome{} }

type oneOutcome struct {
	instant
	conns perConn[post]
}

// post is one connection's messages, with what their outcomes depend on.
type post struct {
	mail
	footing
	instant *instant
	newest  map[string]uint64 // by key
	newer   uint64            // the message that the latest replaced one made way for
}

func (*oneOutcome) String() string { return "one outcome" }

// Observe implements Invariant.
func (i *oneOutcome) Observe(at time.Duration, o Observation) error {
	return errors.Join(i.pass(at), i.see(at, o))
}

func (i *oneOutcome) see(at time.Duration, o Observation) error {
	switch o := o.(type) {
	case Sent:
		i.of(o.Conn).post(at, o)
	case Admitted:
		return i.of(o.Conn).answered(at, o)
	case Accepted:
		i.of(o.Conn).accept(at, o.Socket)
	case Ended:
		i.of(o.Conn).unread(o.Socket)
	case Arrived:
		return i.of(o.Conn).arrive(at, o)
	case Told:
		return i.told(at, o)
	case Over:
		return errors.Join(i.judge(), i.over())
	}
	return nil
}

func (i *oneOutcome) of(conn int) *post {
	p := i.conns.of(conn)
	p.instant = &i.instant
	return p
}

func (i *oneOutcome) told(at time.Duration, o Told) error {
	switch e := o.Event.(type) {
	case messages.EventTransition:
		i.of(o.Conn).move(at, e)
	case messages.EventOutcome:
		return i.of(o.Conn).end(verdict{o.Conn, at, e})
	}
	return nil
}

func (i *oneOutcome) over() error {
	var errs []error
	for conn, p := range i.conns {
		if n, first := p.open(); n > 0 {
			errs = append(errs, fmt.Errorf("connection %d: %d messages have no outcome, first message %d, sent at %v",
				conn, n, first, p.find(first).sent))
		}
	}
	return errors.Join(errs...)
}

// open counts the admitted messages that have no outcome.
func (p *post) open() (n int, first uint64) {
	for i, l := range p.letters {
		if !l.admitted || l.outcome != 0 {
			continue
		}
		if n++; n == 1 {
			first = p.gone + uint64(i) + 1
		}
	}
	return n, first
}

func (p *post) post(at time.Duration, o Sent) {
	l := p.send(at, o)
	l.drops = p.drops
	if l.Key != "" {
		if p.newest == nil {
			p.newest = make(map[string]uint64)
		}
		l.older, p.newest[l.Key] = p.newest[l.Key], o.Number
	}
}

func (p *post) answered(at time.Duration, o Admitted) error {
	l, ok := p.answer(o)
	if !ok {
		return nil
	}
	if l.Key != "" {
		p.newest[l.Key] = l.older
	}
	what := fmt.Sprintf("connection %d: message %d was refused at %v with %s", o.Conn, o.Number, at, quote(o.Err))
	switch {
	case l.arrived:
		return fmt.Errorf("%s, and has arrived", what)
	case l.outcome != 0:
		return fmt.Errorf("%s, and ended %v", what, l.outcome)
	case p.newer == o.Number:
		return fmt.Errorf("%s, and another was replaced by it", what)
	}
	return nil
}

func (p *post) arrive(at time.Duration, o Arrived) error {
	p.read(o)
	accepted := p.reading(o.Socket).accepted
	l := p.find(o.Number)
	switch {
	case l == nil && o.Number > p.gone:
		return fmt.Errorf("%s, and was never sent", arrival(at, o))
	case l == nil:
		return fmt.Errorf("%s, and had ended before that was opened", arrival(at, o))
	}
	l.arrived = true
	switch {
	case l.outcome == 0:
	case l.cannotArrive():
		return fmt.Errorf("%s, and had ended %v at %v", arrival(at, o), l.outcome, l.ended)
	case accepted > l.ended:
		return fmt.Errorf("%s, which was accepted at %v; it had ended %v at %v", arrival(at, o), accepted, l.outcome, l.ended)
	}
	return nil
}

func (p *post) end(v verdict) error {
	defer p.tidy(v.at)
	l := p.find(v.Number)
	switch {
	case l == nil && v.Number > p.gone:
		return fmt.Errorf("%v, and was never sent", v)
	case l == nil:
		return fmt.Errorf("%v, and had ended before", v)
	case l.outcome != 0:
		return fmt.Errorf("%v, and had ended %v at %v", v, l.outcome, l.ended)
	}
	l.outcome, l.ended = v.Outcome, v.at
	return p.check(l, v)
}

// tidy forgets what can't arrive any more.
func (p *post) tidy(now time.Duration) {
	for {
		number, l, ok := p.forget(now)
		if !ok {
			return
		}
		if l.Key != "" && p.newest[l.Key] == number {
			delete(p.newest, l.Key)
		}
	}
}

package drops

import (
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// verdict is an outcome that was told.
type verdict struct {
	conn int
	at   time.Duration
	messages.EventOutcome
}

func (v verdict) String() string {
	return fmt.Sprintf("connection %d: message %d ended %v at %v", v.conn, v.Number, v.Outcome, v.at)
}

// check holds the letter to the rules of the outcome that it has just got.
func (p *post) check(l *letter, v verdict) error {
	var broken string
	switch expiry := l.sent + l.TTL; {
	case l.cannotArrive() && l.arrived:
		broken = "and has arrived"
	case l.TTL > 0 && v.at > expiry && p.wasDown(expiry):
		broken = fmt.Sprintf("and should have expired at %v, when the connection was down", expiry)
	default:
		broken = p.broken(l, v)
	}
	if broken == "" {
		return nil
	}
	return fmt.Errorf("%v, %s", v, broken)
}

// broken says which rule of the outcome is broken, if one is. What has to
// happen at the same instant is looked for at its end.
func (p *post) broken(l *letter, v verdict) string {
	switch v.Outcome {
	case messages.OutcomeWritten:
		return l.written(v, messages.AtMostOnce)
	case messages.OutcomeConfirmed:
		p.arrivesBy(l, v)
		return l.written(v, messages.AtLeastOnce)
	case messages.OutcomeExpired:
		return p.expired(l, v)
	case messages.OutcomeReplaced:
		return p.replaced(l, v)
	case messages.OutcomeRefused:
		return p.refused(l, v)
	case messages.OutcomeUndelivered:
		p.needs(v, "and the connection did not close", func() bool { return p.state == messages.Closed })
	case messages.OutcomeWithdrawn:
	default:
		return "which is no outcome"
	}
	return ""
}

// cannotArrive reports whether the outcome says that no byte of it has left.
func (l *letter) cannotArrive() bool {
	switch l.outcome {
	case messages.OutcomeWithdrawn:
		return true
	case messages.OutcomeExpired, messages.OutcomeReplaced, messages.OutcomeUndelivered:
		return l.Guarantee == messages.AtMostOnce
	}
	return false
}

func (l *letter) written(v verdict, g messages.Guarantee) string {
	switch {
	case l.Guarantee != g:
		return fmt.Sprintf("and is %v", l.Guarantee)
	case l.Incarnation != 0 && l.Incarnation != v.Incarnation:
		return fmt.Sprintf("on incarnation %d, and was tied to %d", v.Incarnation, l.Incarnation)
	}
	return ""
}

func (p *post) arrivesBy(l *letter, v verdict) {
	if l.arrived {
		return
	}
	p.needs(v, "and has not arrived", func() bool {
		l := p.find(v.Number)
		return l != nil && l.arrived
	})
}

func (p *post) expired(l *letter, v verdict) string {
	switch {
	case l.TTL > 0 && v.at >= l.sent+l.TTL:
	case l.Incarnation == 0 && l.TTL == 0:
		return "and has no TTL"
	case l.Incarnation == 0:
		return fmt.Sprintf("before its time, %v", l.sent+l.TTL)
	default:
		p.needs(v, "and its socket had not", func() bool { return p.lost == v.at })
	}
	return ""
}

func (p *post) replaced(l *letter, v verdict) string {
	if p.newest[l.Key] <= v.Number {
		return "and no newer message has its key"
	}
	p.newer = p.newest[l.Key]
	return ""
}

// needs has the verdict broken unless the condition holds when the instant is
// over.
func (p *post) needs(v verdict, broken string, condition func() bool) {
	p.instant.atEnd(func() error {
		if condition() {
			return nil
		}
		return fmt.Errorf("%v, %s", v, broken)
	})
}

package drops

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/tetherws/tether/messages"
)

var _ Stage = (*Proxy)(nil)

// Inject implements [Stage]: connection number n is the n-th of those that
// are live, in the order in which they were accepted, modulo their number.
// With none the error matches net.ErrClosed.
func (p *Proxy) Inject(n int, f Fault, d time.Duration) error {
	in := Injection{Fault: f, For: d}
	if err := in.check(); err != nil {
		return err
	}
	c, err := p.at(n)
	if err != nil {
		return err
	}
	_, err = p.inject([]*proxied{c}, in)
	return err
}

// Refuse implements [Stage]. The next handshake may be anyone's.
func (p *Proxy) Refuse(n int, r Refusal, d time.Duration) error { return p.hinder(n, r, d) }

// FailDial implements [Stage]. The next handshake, which may be anyone's, is
// answered with 502.
func (p *Proxy) FailDial(n int, f DialFault, d time.Duration) error { return p.hinder(n, f, d) }

func (p *Proxy) hinder(n int, h Happening, d time.Duration) error {
	if n < 0 {
		return badNumber(n)
	}
	if err := p.Hinder(h, d); err != nil {
		return err
	}
	if c, err := p.at(n); err == nil { // else it is down already
		c.cut(byFault(wordOf(h)))
	}
	return nil
}

func (p *Proxy) at(n int) (*proxied, error) {
	if n < 0 {
		return nil, badNumber(n)
	}
	live := p.live()
	if len(live) == 0 {
		return nil, fmt.Errorf("no connection is live: %w", net.ErrClosed)
	}
	return live[n%len(live)], nil
}

func badNumber(n int) error {
	return fmt.Errorf("%w: connection number %d", messages.ErrInvalid, n)
}

// hurdle is what happens to a handshake.
type hurdle struct {
	what  Happening
	until time.Time // zero: only the next one
}

const maxHurdles = 1000

// ErrHindered is a handshake that can't be hindered because a thousand times
// that was asked for already.
var ErrHindered = errors.New("too many handshakes are to be hindered")

// Hinder has h, a [Refusal] or [DialFault], happen to the next handshake; to
// all of them for d, if d is not zero. What was asked for before comes first.
// Anything else, or a negative d, is an error that matches
// messages.ErrInvalid.
func (p *Proxy) Hinder(h Happening, d time.Duration) error {
	switch h.(type) {
	case Refusal, DialFault:
	default:
		return fmt.Errorf("%w: %v does not happen to a handshake", messages.ErrInvalid, h)
	}
	if d < 0 {
		return fmt.Errorf("%w: %v for %v", messages.ErrInvalid, h, d)
	}
	next := hurdle{what: h}
	if d > 0 {
		next.until = time.Now().Add(d)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	if len(p.hurdles) == maxHurdles {
		return ErrHindered
	}
	p.hurdles = append(p.hurdles, next)
	return nil
}

// hurdle takes what is to happen to a handshake, and counts it; nil: nothing.
func (p *Proxy) hurdle() Happening {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	if len(p.hurdles) == 0 {
		return nil
	}
	h := p.hurdles[0]
	if h.until.IsZero() {
		p.hurdles = p.hurdles[1:]
	}
	p.counts.Faults[wordOf(h.what)]++
	if _, refusal := h.what.(Refusal); refusal {
		p.counts.Refused++
	}
	return h.what
}

// clear drops the hurdles whose time is over.
func (p *Proxy) clear() {
	p.hurdles = slices.DeleteFunc(p.hurdles, func(h hurdle) bool { return passed(h.until) })
}

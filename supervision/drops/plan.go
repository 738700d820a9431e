package drops

import (
	"errors"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// Plan is what [NewSimulation] takes. Only Script is required.
type Plan struct {
	// Script says how many connections there are, for how long, and what
	// happens to them.
	Script Script
	// Expect is what the fleet was configured with.
	Expect Expect
	// Invariants are what is to hold. Their values are the simulation's from
	// then on; nil holds the fleet to nothing.
	Invariants []Invariant
	// Message is the mean time between two messages that the fleet is given
	// for a connection; zero is 1 min.
	Message time.Duration
	// Poll is the mean time between two looks at the Info of a connection;
	// zero is 5 min.
	Poll time.Duration
}

func (p Plan) validate() error {
	errs := []error{
		atLeast("Script.Connections", p.Script.Connections, 1),
		atLeast("Script.Length", p.Script.Length, 0),
		atLeast("Message", p.Message, 0),
		atLeast("Poll", p.Poll, 0),
		p.Expect.validate(),
	}
	before := time.Duration(0)
	for i, step := range p.Script.Steps {
		if err := p.Script.check(step, before); err != nil {
			errs = append(errs, fmt.Errorf("Script.Steps[%d]: %w", i, err))
		}
		before = step.At
	}
	return errors.Join(errs...)
}

// check says what is wrong with a step that follows one at before. Unlike in a
// script's text, what lasts may end after Length: the calm ends it.
func (s Script) check(step Step, before time.Duration) error {
	switch {
	case step.Conn < 0 || step.Conn >= s.Connections:
		return fmt.Errorf("%w: Conn is %d of %d", messages.ErrInvalid, step.Conn, s.Connections)
	case step.At < before || step.At > s.Length:
		return fmt.Errorf("%w: At is %v, not from %v to %v", messages.ErrInvalid, step.At, before, s.Length)
	}
	return errors.Join(checkHappening(step.What), atLeast("For", step.For, 0))
}

func (e Expect) validate() error {
	return errors.Join(
		atLeast("Expect.Idle", e.Idle, 0),
		atLeast("Expect.Timeout", e.Timeout, 0),
		atLeast("Expect.HandshakeTimeout", e.HandshakeTimeout, 0),
		atLeast("Expect.Healthy", e.Healthy, 0),
		atLeast("Expect.Backoff", e.Backoff, 0),
		atLeast("Expect.BackoffCap", e.BackoffCap, 0),
		atLeast("Expect.Probe", e.Probe, 0),
		atLeast("Expect.Concurrent", e.Concurrent, 0),
		atLeast("Expect.PerSecond", e.PerSecond, 0),
	)
}

func atLeast[T int | float64 | time.Duration](name string, v, least T) error {
	if v < least {
		return fmt.Errorf("%w: %s is %v, below %v", messages.ErrInvalid, name, v, least)
	}
	return nil
}

func (p Plan) withDefaults() Plan {
	p.Message = orElse(p.Message, time.Minute)
	p.Poll = orElse(p.Poll, 5*time.Minute)
	p.Expect = p.Expect.withDefaults()
	return p
}

package drops

import (
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// Script is a timetable of drops: which happening comes to which connection,
// and when. Made by [NewScript] from a seed and a [Mix], by [ParseScript], or
// by hand.
type Script struct {
	Seed        uint64
	Connections int
	Length      time.Duration // after which no step comes
	Steps       []Step        // in the order of their time
}

// maxSteps bounds a script that is read, drawn or written as text.
const maxSteps = 1_000_000

// Validate reports the first step that is out of order, whose connection is
// not one of Connections, that begins or ends outside of Length, or whose
// What or For is not acceptable, by its number from 1. Steps may share an
// instant. The error matches messages.ErrInvalid.
func (s Script) Validate() error {
	if s.Connections < 0 || s.Length < 0 {
		return fmt.Errorf("%w: a script of %d connections, %v long", messages.ErrInvalid, s.Connections, s.Length)
	}
	last := time.Duration(0)
	for i, step := range s.Steps {
		if err := step.validate(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		if err := s.admits(step, last); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		last = step.At
	}
	return nil
}

// admits reports whether step can't come after the one at last.
func (s Script) admits(step Step, last time.Duration) error {
	switch {
	case step.At < last:
		return fmt.Errorf("%w: at %v, before the step above it at %v", messages.ErrInvalid, step.At, last)
	case step.Conn < 0 || step.Conn >= s.Connections:
		return fmt.Errorf("%w: connection %d of %d, which are numbered from 0", messages.ErrInvalid, step.Conn, s.Connections)
	case step.At > s.Length || step.For > s.Length-step.At:
		return fmt.Errorf("%w: at %v%s, but the script is over after %v", messages.ErrInvalid, step.At, lastsFor(step.For), s.Length)
	}
	return nil
}

package drops

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/tetherws/tether/messages"
)

const (
	scriptName    = "tether-script"
	scriptVersion = 1
	maxText       = 64 << 20 // bytes of a script
)

// ParseScript reads a script's text: a header, then its steps in their order,
// one a line:
//
//	tether-script 1 seed=17 connections=20 length=10m0s
//	1m2.000000345s 7 silence in for 30s
//	3m 0 reset
//
// Blank lines are skipped, and those that begin with #. What is zero or
// missing in the header, or the header itself, follows from the steps:
// Connections from the highest number, Length from the last end; Seed is 0.
//
// An error names the line, and matches messages.ErrInvalid; so do more than a
// million steps, 64 MiB, or 4 KiB in a line, and what [Script.Validate]
// reports.
func ParseScript(text string) (Script, error) {
	if len(text) > maxText {
		return Script{}, tooLong(text)
	}
	var r scriptReader
	number := 0
	for line := range strings.Lines(text) {
		number++
		if err := r.read(strings.TrimSpace(line)); err != nil {
			return Script{}, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return r.script.completed(), nil
}

// String gives the text that [ParseScript] reads, whether the script is valid
// or not.
func (s Script) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d seed=%d connections=%d length=%v\n", scriptName, scriptVersion, s.Seed, s.Connections, s.Length)
	for _, step := range s.Steps {
		fmt.Fprintln(&b, step)
	}
	return b.String()
}

// MarshalText implements encoding.TextMarshaler. What it gives is read back as
// the same script. A script for which that can't be is an error that matches
// messages.ErrInvalid: one that is not valid, that exceeds the bounds of
// [ParseScript], or with a happening that [Parse] does not know.
func (s Script) MarshalText() ([]byte, error) {
	if len(s.Steps) > maxSteps {
		return nil, fmt.Errorf("%w: a script of %d steps; at most %d", messages.ErrInvalid, len(s.Steps), maxSteps)
	}
	text := s.String()
	if len(text) > maxText {
		return nil, tooLong(text)
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	for i, step := range s.Steps {
		if h, err := Parse(step.What.String()); err != nil || !reflect.DeepEqual(h, step.What) {
			return nil, fmt.Errorf("step %d: %w: Parse does not read %q as a %T", i+1, messages.ErrInvalid, step.What, step.What)
		}
	}
	return []byte(text), nil
}

// UnmarshalText implements encoding.TextUnmarshaler, as [ParseScript].
func (s *Script) UnmarshalText(text []byte) error {
	read, err := ParseScript(string(text))
	if err == nil {
		*s = read
	}
	return err
}

func tooLong(text string) error {
	return fmt.Errorf("%w: a script of %d bytes; at most %d", messages.ErrInvalid, len(text), maxText)
}

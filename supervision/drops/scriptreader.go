package drops

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tetherws/tether/messages"
)

// scriptReader is what has been read of a script's text.
type scriptReader struct {
	script Script
	begun  bool // by a header or a step
}

// read takes the next line, without the space around it.
func (r *scriptReader) read(line string) error {
	f, err := fields(line)
	switch {
	case line == "", line[0] == '#' && len(line) <= maxLine:
		return nil
	case err != nil:
		return err
	case f[0] == scriptName && !r.begun:
		r.script, err = parseHeader(f[1:])
	default:
		err = r.readStep(f)
	}
	r.begun = true
	return err
}

func (r *scriptReader) readStep(f []string) error {
	if len(r.script.Steps) == maxSteps {
		return fmt.Errorf("%w: more than %d steps", messages.ErrInvalid, maxSteps)
	}
	step, err := parseStep(f)
	if err != nil {
		return err
	}
	last := time.Duration(0)
	if n := len(r.script.Steps); n > 0 {
		last = r.script.Steps[n-1].At
	}
	r.script.Steps = append(r.script.Steps, step)
	return r.script.or(math.MaxInt, math.MaxInt64).admits(step, last)
}

func parseHeader(f []string) (Script, error) {
	a := arguments{rest: f}
	version := a.number("VERSION", math.MaxInt)
	if version != scriptVersion {
		a.fail("version %d, but this program reads version %d", version, scriptVersion)
	}
	s := Script{Seed: a.seed("seed"), Connections: a.count("connections"), Length: a.duration("length")}
	if err := a.end(); err != nil {
		return Script{}, fmt.Errorf("%w: %s: %w; usage: %s %s", messages.ErrInvalid, scriptName, err, scriptName, strings.Join(a.usage, " "))
	}
	return s, nil
}

// completed returns s with what its header left out, as its steps have it.
func (s Script) completed() Script {
	connections, length := 0, time.Duration(0)
	for _, step := range s.Steps {
		connections = max(connections, step.Conn+1)
		length = max(length, step.At+step.For)
	}
	return s.or(connections, length)
}

// or returns s with what is zero replaced.
func (s Script) or(connections int, length time.Duration) Script {
	s.Connections = cmp.Or(s.Connections, connections)
	s.Length = cmp.Or(s.Length, length)
	return s
}

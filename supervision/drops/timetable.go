package drops

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tetherws/tether/messages"
)

// NewScript draws a timetable for so many connections, at least one, from the
// mix, until length is over, which must be positive. The same arguments give
// the same script on every machine.
//
// Each connection is drawn for itself: its steps don't depend on how many
// come after it. They don't overlap: exponential gaps, at the mix's whole
// rate, lie between the end of one and the start of the next. What lasts does
// so for between a half and one and a half of its share's For; one that would
// outlast the script, for a part of what is left of it. A [Slow] with jitter
// but no seed is given one. No two instants of the script, starts and ends
// alike, are the same.
//
// An error matches messages.ErrInvalid; more than a million steps are one.
func NewScript(seed uint64, connections int, length time.Duration, mix Mix) (Script, error) {
	if err := mix.Validate(); err != nil {
		return Script{}, err
	}
	if connections < 1 || length <= 0 {
		return Script{}, fmt.Errorf("%w: a script for %d connections, %v long", messages.ErrInvalid, connections, length)
	}
	t := timetable{
		script: Script{Seed: seed, Connections: connections, Length: length},
		taken:  make(map[time.Duration]bool),
	}
	if len(mix) == 0 {
		return t.script, nil
	}
	for conn := range connections {
		if err := t.fill(conn, newDraw(seed, conn, mix)); err != nil {
			return Script{}, err
		}
	}
	slices.SortFunc(t.script.Steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	return t.script, nil
}

// timetable is a script in the making, not in order yet.
type timetable struct {
	script Script
	taken  map[time.Duration]bool // the instants at which a step begins or ends
}

// fill adds the steps of a connection.
func (t *timetable) fill(conn int, d *draw) error {
	for now := time.Duration(0); ; {
		gap := d.gap()
		if gap > t.script.Length-now {
			return nil
		}
		step, ok := t.place(now+gap, d)
		if !ok {
			return nil
		}
		if len(t.script.Steps) == maxSteps {
			return fmt.Errorf("%w: a script of more than %d steps; try fewer connections, a shorter one, or lower rates", messages.ErrInvalid, maxSteps)
		}
		step.Conn = conn
		t.script.Steps = append(t.script.Steps, step)
		now = step.At + step.For
	}
}

// place draws a step that begins at the given time or soon after. It reports
// false when the script is full.
func (t *timetable) place(at time.Duration, d *draw) (Step, bool) {
	share := d.share()
	step := Step{What: d.seeded(share.What)}
	var ok bool
	if step.At, ok = t.take(at); !ok || share.For == 0 {
		return step, ok
	}
	left := t.script.Length - step.At
	if left == 0 {
		return step, false
	}
	end, ok := t.take(step.At + d.lasting(share.For, left))
	step.For = end - step.At
	return step, ok
}

// take takes the first free instant from at on, if there is one.
func (t *timetable) take(at time.Duration) (time.Duration, bool) {
	for t.taken[at] && at < t.script.Length {
		at++
	}
	if t.taken[at] {
		return 0, false
	}
	t.taken[at] = true
	return at, true
}

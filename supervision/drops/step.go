package drops

import (
	"fmt"
	"strconv"
	"time"

	"github.com/tetherws/tether/messages"
)

// Step is one line of a timetable.
type Step struct {
	At   time.Duration // from the start
	Conn int           // which connection, from 0
	What Happening
	For  time.Duration // after which what lasts is healed; zero: it is not
}

// String gives the step as a line of a script's text, such as
//
//	1m2.5s 7 silence in for 30s
func (s Step) String() string {
	return fmt.Sprintf("%v %d %v%s", s.At, s.Conn, s.What, lastsFor(s.For))
}

func (s Step) validate() error {
	if err := checkHappening(s.What); err != nil {
		return err
	}
	return checkFor(s.What, s.For)
}

func parseStep(f []string) (s Step, err error) {
	if len(f) < 3 {
		return s, fmt.Errorf("%w: too few words; wanted: TIME CONNECTION HAPPENING [for DURATION]", messages.ErrInvalid)
	}
	if s.At, err = time.ParseDuration(f[0]); err != nil || s.At < 0 {
		return s, fmt.Errorf("%w: the time is a duration such as 1m2.5s and not negative, not %q", messages.ErrInvalid, f[0])
	}
	if s.Conn, err = strconv.Atoi(f[1]); err != nil {
		return s, fmt.Errorf("%w: the connection is a whole number from 0, not %q", messages.ErrInvalid, f[1])
	}
	s.What, s.For, err = parseLasting(f[2:])
	return s, err
}

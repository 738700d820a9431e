package drops

import (
	"fmt"
	"math"
	"time"

	"github.com/tetherws/tether/messages"
)

// Mix says what happens to each connection, and how often. In an empty one
// nothing does.
type Mix []Share

// Share is one kind of drop of a [Mix].
type Share struct {
	What Happening
	// PerHour is how often it happens to each connection on average, in the
	// time in which nothing else lasts there; positive.
	PerHour float64
	// For is how long it lasts on average: as a Step's. Zero is until the
	// connection ends or the next thing happens to it; for a refusal or a
	// fault of the dial it is the next attempt alone.
	For time.Duration
}

// Validate reports the first share that is not acceptable: one without a
// positive and finite rate, with a negative For or one at a happening that
// does not last, or whose What [Parse] would refuse. It also reports a mix of
// more than one happening a nanosecond. The error matches messages.ErrInvalid.
func (m Mix) Validate() error {
	for i, s := range m {
		if err := s.validate(); err != nil {
			return fmt.Errorf("share %d of the mix: %w", i+1, err)
		}
	}
	if rate := m.perHour(); rate > float64(time.Hour) {
		return fmt.Errorf("%w: a mix of %g happenings an hour; at most one a nanosecond", messages.ErrInvalid, rate)
	}
	return nil
}

func (s Share) validate() error {
	if !(s.PerHour > 0) || math.IsInf(s.PerHour, 0) {
		return fmt.Errorf("%w: the rate %v/h is not positive and finite", messages.ErrInvalid, s.PerHour)
	}
	if err := checkHappening(s.What); err != nil {
		return err
	}
	return checkFor(s.What, s.For)
}

// perHour is the rate of all that happens to a connection.
func (m Mix) perHour() (sum float64) {
	for _, s := range m {
		sum += s.PerHour
	}
	return sum
}

// checkFor reports whether h can't last for d.
func checkFor(h Happening, d time.Duration) error {
	name := wordOf(h)
	switch w, known := lookUp(name); {
	case d < 0:
		return fmt.Errorf("%w: %s for %v: negative", messages.ErrInvalid, name, d)
	case d > 0 && known && !w.lasts:
		return fmt.Errorf("%w: %s for %v: it does not last", messages.ErrInvalid, name, d)
	}
	return nil
}

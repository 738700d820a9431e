package supervision

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tetherws/tether/messages"
)

// Backoff spaces the retries of one connection: exponential, capped, with
// full jitter. The zero value is 500 ms to 60 s, doubling.
type Backoff struct {
	Min    time.Duration // the ceiling of the first retry; zero is 500 ms
	Max    time.Duration // the ceiling of all; zero is 60 s
	Factor float64       // from one ceiling to the next, 1 or more; zero is 2
	// NoJitter waits the ceiling itself. Connections that fell together then
	// come back in step.
	NoJitter bool
}

// Delay returns how long to wait before the retry attempt, where 0 is the
// first: evenly spread from 0 to the attempt's ceiling by u in [0,1). It is
// pure, never negative and never over Max, whatever the attempt. Fields that
// [Policy.Validate] refuses count as zero.
func (b Backoff) Delay(attempt int, u float64) time.Duration {
	ceiling := b.ceiling(attempt)
	if b.NoJitter {
		return ceiling
	}
	return below(u*float64(ceiling), ceiling)
}

func (b Backoff) ceiling(attempt int) time.Duration {
	b = b.withDefaults()
	return below(float64(b.Min)*math.Pow(b.Factor, float64(max(attempt, 0))), b.Max)
}

// below compares before it converts: a float at or over 2^63 has no Duration.
func below(d float64, limit time.Duration) time.Duration {
	if d < float64(limit) {
		return max(time.Duration(d), 0)
	}
	return limit
}

func (b Backoff) withDefaults() Backoff {
	b.Min = positive(b.Min, 500*time.Millisecond)
	b.Max = positive(b.Max, time.Minute)
	if !(b.Factor >= 1) { // also NaN
		b.Factor = 2
	}
	return b
}

func (b Backoff) validate() error {
	err := errors.Join(
		notNegative("Backoff.Min", b.Min),
		notNegative("Backoff.Max", b.Max),
	)
	if b.Factor != 0 && !(b.Factor >= 1) {
		err = errors.Join(err, fmt.Errorf("%w: Backoff.Factor is %v, below 1", messages.ErrInvalid, b.Factor))
	}
	if b.Max > 0 && b.Min > b.Max {
		err = errors.Join(err, fmt.Errorf("%w: Backoff.Min is %v, over Backoff.Max of %v", messages.ErrInvalid, b.Min, b.Max))
	}
	return err
}

package supervision

import (
	"errors"
	"math"
	"time"
)

// Limits bounds the dials of a whole manager. The zero value of each field is
// its default; negative is an error.
//
// Rates are strict: the attempts are spaced evenly, with no burst. A rate over
// a million per second sets no spacing at all.
type Limits struct {
	Concurrent      int     // dials under way, all pools; zero is 256
	PerSecond       float64 // attempts begun per second, all pools; zero is 1000
	PoolConcurrent  int     // dials under way, each pool; zero is 64
	PoolPerSecond   float64 // attempts begun per second, each pool; zero is 250
	Probes          int     // dials under way to a pool that fails everybody; zero is 2
	ProbesPerSecond float64 // attempts begun per second to such a pool; zero is 1
	DeadAfter       int     // failures in a row, with no answer between, that make a pool such a one; zero is 10
}

// Validate reports every bad field at once. Each error matches
// [messages.ErrInvalid] and names its field.
func (l Limits) Validate() error {
	return errors.Join(
		notNegative("Concurrent", l.Concurrent),
		notNegative("PerSecond", l.PerSecond),
		notNegative("PoolConcurrent", l.PoolConcurrent),
		notNegative("PoolPerSecond", l.PoolPerSecond),
		notNegative("Probes", l.Probes),
		notNegative("ProbesPerSecond", l.ProbesPerSecond),
		notNegative("DeadAfter", l.DeadAfter),
	)
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Concurrent:      positive(l.Concurrent, 256),
		PerSecond:       positive(l.PerSecond, 1000),
		PoolConcurrent:  positive(l.PoolConcurrent, 64),
		PoolPerSecond:   positive(l.PoolPerSecond, 250),
		Probes:          positive(l.Probes, 2),
		ProbesPerSecond: positive(l.ProbesPerSecond, 1),
		DeadAfter:       positive(l.DeadAfter, 10),
	}
}

// spacing is the time between two attempts at a rate. It is rounded up: three
// a second, a third of a nanosecond short each, would be four.
func spacing(perSecond float64) time.Duration {
	apart := math.Ceil(float64(time.Second) / perSecond)
	if apart < float64(time.Microsecond) {
		return 0
	}
	return below(apart, math.MaxInt64)
}

package drops

import (
	"math"
	"time"
)

// Expect is what the fleet was configured with, for the invariants to hold it
// to. Zero is the default of package actors.
//
// Concurrent and PerSecond bound the dials of the whole simulation, which is
// one pool to the governor: so their defaults are those of a pool. For a fleet
// that puts each connection into a pool of its own they are 256 and 1000.
type Expect struct {
	Idle, Timeout    time.Duration // the heartbeat's: 25 s, 10 s
	HandshakeTimeout time.Duration // 10 s
	Healthy          time.Duration // from the opening to the frame that resets the backoff: 10 s
	Backoff          time.Duration // the ceiling of the first delay, which doubles with each failure: 500 ms
	BackoffCap       time.Duration // where that ends: 60 s
	Probe            time.Duration // the interval at which a parked connection is probed: 5 min
	Concurrent       int           // dials under way: 64
	PerSecond        float64       // dials begun, evenly spaced: 250
}

func (e Expect) withDefaults() Expect {
	return Expect{
		Idle:             orElse(e.Idle, 25*time.Second),
		Timeout:          orElse(e.Timeout, 10*time.Second),
		HandshakeTimeout: orElse(e.HandshakeTimeout, 10*time.Second),
		Healthy:          orElse(e.Healthy, 10*time.Second),
		Backoff:          orElse(e.Backoff, 500*time.Millisecond),
		BackoffCap:       orElse(e.BackoffCap, time.Minute),
		Probe:            orElse(e.Probe, 5*time.Minute),
		Concurrent:       orElse(e.Concurrent, 64),
		PerSecond:        orElse(e.PerSecond, 250),
	}
}

func orElse[T int | float64 | time.Duration](v, fallback T) T {
	if v > 0 {
		return v
	}
	return fallback
}

// spacing is the least time between the beginnings of two dials. A rate over a
// million per second sets none.
func (e Expect) spacing() time.Duration {
	if apart := math.Ceil(float64(time.Second) / e.PerSecond); apart >= float64(time.Microsecond) {
		return time.Duration(min(apart, math.MaxInt32*float64(time.Second)))
	}
	return 0
}

package demo

import (
	"math"
	"slices"
	"time"
)

// latency sums up how long something took.
type latency struct{ P50, P99, Max time.Duration }

// latencyOf sorts took.
func latencyOf(took []time.Duration) latency {
	slices.Sort(took)
	return latency{rank(took, 0.50), rank(took, 0.99), rank(took, 1)}
}

// rank returns the least value that the share p of all do not exceed; 0 of
// none.
func rank(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(int(math.Ceil(p*float64(len(sorted)))), 1)-1]
}

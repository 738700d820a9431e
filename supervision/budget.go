package supervision

import (
	"slices"
	"time"
)

// Budget is how many faults of a connection are borne in a window of time;
// one more parks it.
type Budget struct {
	Restarts int           // zero is 5
	Window   time.Duration // zero is 1 minute
}

// spend returns the faults that count at now, this one included. It keeps no
// more than are needed to tell that the budget is spent.
func (b Budget) spend(faults []time.Time, now time.Time) []time.Time {
	old := slices.IndexFunc(faults, func(at time.Time) bool { return now.Sub(at) < b.Window })
	if old < 0 {
		old = len(faults)
	}
	kept := faults[max(old, len(faults)-b.Restarts):]
	return append(slices.Clone(kept), now)
}

func (b Budget) spent(faults []time.Time) bool { return len(faults) > b.Restarts }

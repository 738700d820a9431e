package messages

import (
	"math"
	"slices"
	"time"
)

// Durations is a histogram of durations. The zero value has a single bucket,
// which tells how many there were and their sum, and no percentiles:
// [NewDurations] makes the bounds of more. It is not safe for concurrent use.
type Durations struct {
	Bounds []time.Duration // upper bounds, inclusive and ascending; the last bucket has none
	Counts []uint64        // one more than Bounds; not cumulative
	Sum    time.Duration   // stops at the greatest there is, 292 years
}

// NewDurations returns an empty histogram with bounds from least to most, each
// at most half above the one before: least, 1.5, 2, 3, 4, 6, 8, 12, ... times
// least, and most. least is positive.
func NewDurations(least, most time.Duration) Durations {
	var bounds []time.Duration
	for b := least; 0 < b && b < most; b *= 2 {
		bounds = append(bounds, b)
		if b < most-b/2 {
			bounds = append(bounds, b+b/2)
		}
	}
	bounds = append(bounds, most)
	return Durations{Bounds: bounds, Counts: make([]uint64, len(bounds)+1)}
}

// Observe counts v; a negative one as 0.
func (d *Durations) Observe(v time.Duration) {
	v = max(0, v)
	d.count(v, 1)
	d.sum(v)
}

// Add counts all of o. Where o has other bounds, each of its buckets goes to
// the one that holds its upper bound.
func (d *Durations) Add(o Durations) {
	if d.Counts == nil {
		d.Bounds = slices.Clone(o.Bounds)
	}
	for i, n := range o.Counts {
		upper := time.Duration(math.MaxInt64)
		if i < len(o.Bounds) {
			upper = o.Bounds[i]
		}
		d.count(upper, n)
	}
	d.sum(o.Sum)
}

func (d *Durations) count(v time.Duration, n uint64) {
	if d.Counts == nil {
		d.Counts = make([]uint64, len(d.Bounds)+1)
	}
	i, _ := slices.BinarySearch(d.Bounds, v)
	d.Counts[i] += n
}

func (d *Durations) sum(v time.Duration) {
	if d.Sum > math.MaxInt64-v {
		v = math.MaxInt64 - d.Sum
	}
	d.Sum += v
}

// Count returns how many were observed.
func (d Durations) Count() (n uint64) {
	for _, each := range d.Counts {
		n += each
	}
	return n
}

// Percentile returns the p-th percentile, p from 0 to 100, interpolated
// linearly within its bucket; 0 if nothing was observed.
//
// It lies in the same bucket as the true one. So with the bounds of
// NewDurations it is at most half too high or a third too low, or wrong by the
// lowest bound below that. Above the highest bound it is the highest bound.
func (d Durations) Percentile(p float64) time.Duration {
	total := d.Count()
	if total == 0 {
		return 0
	}
	rank := min(max(p, 0), 100) / 100 * float64(total)
	below := 0.0
	for i, n := range d.Counts {
		if n > 0 && below+float64(n) >= rank {
			return d.within(i, (rank-below)/float64(n))
		}
		below += float64(n)
	}
	return 0 // p is not a number
}

// within returns the duration at the share of the i-th bucket.
func (d Durations) within(i int, share float64) (lower time.Duration) {
	if i > 0 {
		lower = d.Bounds[i-1]
	}
	if i == len(d.Bounds) {
		return lower
	}
	return lower + time.Duration(share*float64(d.Bounds[i]-lower))
}

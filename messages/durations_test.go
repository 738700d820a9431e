package messages_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
)

const ms = time.Millisecond

func TestBoundsRiseByAtMostHalf(t *testing.T) {
	d := messages.NewDurations(ms, 14*ms)
	if want := []time.Duration{1 * ms, 1500 * time.Microsecond, 2 * ms, 3 * ms, 4 * ms, 6 * ms, 8 * ms, 12 * ms, 14 * ms}; !slices.Equal(d.Bounds, want) {
		t.Errorf("bounds are %v, want %v", d.Bounds, want)
	}
	for _, d := range []messages.Durations{messages.NewDurations(ms, time.Hour), messages.NewDurations(7, math.MaxInt64)} {
		for i, b := range d.Bounds[1:] {
			if below := d.Bounds[i]; b <= below || float64(b) > 1.5*float64(below) {
				t.Errorf("bound %v follows %v", b, below)
			}
		}
		if len(d.Counts) != len(d.Bounds)+1 {
			t.Errorf("%d bounds and %d counts", len(d.Bounds), len(d.Counts))
		}
	}
}

func TestADurationCountsInTheBucketWhoseUpperBoundHoldsIt(t *testing.T) {
	d := messages.NewDurations(ms, 4*ms) // 1, 1.5, 2, 3, 4
	for _, v := range []time.Duration{-ms, 0, ms, ms + 1, 4 * ms, 4*ms + 1, time.Hour} {
		d.Observe(v)
	}
	if want := []uint64{3, 1, 0, 0, 1, 2}; !slices.Equal(d.Counts, want) {
		t.Errorf("counts are %v, want %v", d.Counts, want)
	}
	if want := time.Hour + 10*ms + 2; d.Sum != want || d.Count() != 7 {
		t.Errorf("%d of %v in sum, want %v", d.Count(), d.Sum, want)
	}
}

func TestPercentilesAreInterpolatedWithinTheirBucket(t *testing.T) {
	bounds := []time.Duration{10 * ms, 20 * ms, 40 * ms}
	for name, c := range map[string]struct {
		counts []uint64
		want   map[float64]time.Duration
	}{
		"nothing":            {nil, map[float64]time.Duration{0: 0, 50: 0, 100: 0}},
		"empty":              {[]uint64{0, 0, 0, 0}, map[float64]time.Duration{50: 0}},
		"one bucket":         {[]uint64{0, 4, 0, 0}, map[float64]time.Duration{0: 10 * ms, 25: 12500 * time.Microsecond, 50: 15 * ms, 100: 20 * ms}},
		"the lowest":         {[]uint64{2, 0, 0, 0}, map[float64]time.Duration{0: 0, 50: 5 * ms, 100: 10 * ms}},
		"across":             {[]uint64{50, 0, 50, 0}, map[float64]time.Duration{25: 5 * ms, 50: 10 * ms, 75: 30 * ms, 99: 39600 * time.Microsecond}},
		"above":              {[]uint64{1, 0, 0, 1}, map[float64]time.Duration{50: 10 * ms, 75: 40 * ms, 100: 40 * ms}},
		"out of range":       {[]uint64{0, 1, 0, 0}, map[float64]time.Duration{-5: 10 * ms, 250: 20 * ms, math.Inf(1): 20 * ms}},
		"without any bounds": {[]uint64{3}, map[float64]time.Duration{50: 0}},
	} {
		d := messages.Durations{Bounds: bounds, Counts: c.counts}
		if len(c.counts) == 1 {
			d.Bounds = nil
		}
		for p, want := range c.want {
			if got := d.Percentile(p); got != want {
				t.Errorf("%s: %v-th percentile is %v, want %v", name, p, got, want)
			}
		}
		if got := d.Percentile(math.NaN()); got != 0 {
			t.Errorf("%s: percentile of no number is %v", name, got)
		}
	}
}

func TestPercentilesAreAtMostHalfTooHighOrAThirdTooLow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		d := messages.NewDurations(ms, time.Hour)
		all := make([]time.Duration, 1+random.IntN(2000))
		for i := range all {
			all[i] = time.Duration(float64(ms) * math.Pow(3.6e6, random.Float64()))
			d.Observe(all[i])
		}
		slices.Sort(all)
		for _, p := range []float64{0.1, 1, 10, 50, 90, 99, 99.9, 100} {
			rank := int(math.Ceil(p / 100 * float64(len(all))))
			truth, got := float64(all[max(rank, 1)-1]), float64(d.Percentile(p))
			if got > 1.5*truth || got < truth*2/3 {
				t.Errorf("%v-th percentile of %d is %v, and was told as %v", p, len(all), time.Duration(truth), time.Duration(got))
			}
		}
	}
}

func TestHistogramsAddUp(t *testing.T) {
	a, b, both := messages.NewDurations(ms, time.Second), messages.NewDurations(ms, time.Second), messages.NewDurations(ms, time.Second)
	for i := range 100 {
		v := time.Duration(i*i) * ms
		both.Observe(v)
		if i%3 == 0 {
			a.Observe(v)
		} else {
			b.Observe(v)
		}
	}
	a.Add(b)
	if !slices.Equal(a.Counts, both.Counts) || a.Sum != both.Sum {
		t.Errorf("%v, want %v", a, both)
	}
	var zero messages.Durations
	zero.Add(messages.Durations{})
	zero.Add(both)
	if zero.Count() != 100 || zero.Sum != both.Sum {
		t.Errorf("from zero: %v", zero)
	}
}

func TestAnEmptyHistogramTakesTheBoundsOfWhatIsAdded(t *testing.T) {
	d := messages.NewDurations(ms, time.Second)
	d.Observe(30 * ms)
	var zero messages.Durations
	zero.Add(d)
	zero.Observe(30 * ms)
	if !slices.Equal(zero.Bounds, d.Bounds) || zero.Percentile(50) == 0 || d.Count() != 1 {
		t.Errorf("%v and %v", zero, d)
	}
}

func TestOtherBoundsAreMappedToThoseThatHoldThem(t *testing.T) {
	to := messages.Durations{Bounds: []time.Duration{10 * ms, 100 * ms}, Counts: make([]uint64, 3)}
	to.Add(messages.Durations{Bounds: []time.Duration{5 * ms, 20 * ms, 100 * ms, 200 * ms}, Counts: []uint64{1, 2, 4, 8, 16}})
	if want := []uint64{1, 6, 24}; !slices.Equal(to.Counts, want) {
		t.Errorf("counts are %v, want %v", to.Counts, want)
	}
}

func TestTheSumStopsAtTheGreatestDuration(t *testing.T) {
	var d messages.Durations
	d.Observe(math.MaxInt64)
	d.Observe(time.Hour)
	if d.Sum != math.MaxInt64 || d.Count() != 2 {
		t.Errorf("%d of %v in sum", d.Count(), d.Sum)
	}
}

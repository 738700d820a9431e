package supervision_test

import (
	"math"
	"testing"
	"time"

	"github.com/tetherws/tether/supervision"
)

func TestBackoffDelay(t *testing.T) {
	const (
		ms  = time.Millisecond
		s   = time.Second
		end = time.Duration(math.MaxInt64)
	)
	type backoff = supervision.Backoff
	for name, c := range map[string]struct {
		backoff backoff
		attempt int
		u       float64
		want    time.Duration
	}{
		"no luck at all":               {backoff{}, 0, 0, 0},
		"half of the first ceiling":    {backoff{}, 0, 0.5, 250 * ms},
		"half of the second":           {backoff{}, 1, 0.5, 500 * ms},
		"half of the seventh":          {backoff{}, 6, 0.5, 16 * s},
		"half of the cap":              {backoff{}, 7, 0.5, 30 * s},
		"the last attempt of all":      {backoff{}, math.MaxInt, 0.5, 30 * s},
		"before the first":             {backoff{}, -1, 0.5, 250 * ms},
		"no jitter, first":             {backoff{NoJitter: true}, 0, 0.1, 500 * ms},
		"no jitter, second":            {backoff{NoJitter: true}, 1, 0.1, s},
		"no jitter, last under cap":    {backoff{NoJitter: true}, 6, 0.1, 32 * s},
		"no jitter, cap":               {backoff{NoJitter: true}, 7, 0.1, 60 * s},
		"factor 3":                     {backoff{Min: s, Factor: 3, NoJitter: true}, 2, 0, 9 * s},
		"factor 1 is constant":         {backoff{Min: s, Factor: 1, NoJitter: true}, math.MaxInt, 0, s},
		"factor without bound":         {backoff{Factor: math.Inf(1), NoJitter: true}, 1, 0, 60 * s},
		"own cap":                      {backoff{Max: 2 * s, NoJitter: true}, 9, 0, 2 * s},
		"cap under the default floor":  {backoff{Max: 100 * ms, NoJitter: true}, 0, 0, 100 * ms},
		"longest, first":               {backoff{Min: end - 1, Max: end, NoJitter: true}, 0, 0, end},
		"longest, again":               {backoff{Min: end - 1, Max: end, NoJitter: true}, 1, 0, end},
		"longest, jittered to the end": {backoff{Min: end, Max: end}, 5, math.Nextafter(1, 0), end - 1023},
		"refused fields count as zero": {backoff{Min: -1, Max: -1, Factor: math.NaN(), NoJitter: true}, 1, 0, s},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.backoff.Delay(c.attempt, c.u); got != c.want {
				t.Errorf("%+v.Delay(%d, %v) = %v, want %v", c.backoff, c.attempt, c.u, got, c.want)
			}
		})
	}
}

func FuzzBackoff(f *testing.F) {
	f.Add(int64(0), int64(0), uint16(0), 0, 0.0)
	f.Add(int64(math.MaxInt64-1), int64(math.MaxInt64), uint16(900), math.MaxInt, 0.999)
	f.Add(int64(time.Millisecond), int64(time.Hour), uint16(3), 40, 0.5)
	f.Fuzz(func(t *testing.T, least, most int64, factor uint16, attempt int, u float64) {
		if !(u >= 0 && u < 1) {
			u = 0.5
		}
		b := supervision.Backoff{Min: time.Duration(least), Max: time.Duration(most), Factor: 1 + float64(factor)/100}
		limit := b.Max
		if limit <= 0 {
			limit = time.Minute
		}
		ceiling := b
		ceiling.NoJitter = true
		here, delay := ceiling.Delay(attempt, u), b.Delay(attempt, u)
		if delay < 0 || delay > here || here > limit {
			t.Errorf("%+v.Delay(%d, %v) = %v, under a ceiling of %v", b, attempt, u, delay, here)
		}
		if attempt < math.MaxInt && ceiling.Delay(attempt+1, u) < here {
			t.Errorf("%+v: the ceiling falls after attempt %d", b, attempt)
		}
	})
}

package drops

import (
	"math/bits"
	"math/rand/v2"
	"time"
)

// draw is the chance of one connection. Only the source's bits are used, of
// which the generator is specified, and only arithmetic that is exact or
// rounds alike everywhere: logarithms, and what package rand makes of the
// bits, may differ between machines and versions of Go.
type draw struct {
	source *rand.PCG
	mix    Mix
	rate   float64       // of all shares, per hour
	mean   time.Duration // of the gaps
}

// A gap of up to 32 means fits into a Duration. Of rates of less than once in
// nine years the mean is cut; the longest of gaps are as good as never drawn.
const (
	longestMean = 1 << 58
	mostMeans   = 1<<5 - 1
)

func newDraw(seed uint64, conn int, mix Mix) *draw {
	rate := mix.perHour()
	return &draw{
		source: rand.NewPCG(seed, uint64(conn)),
		mix:    mix,
		rate:   rate,
		mean:   time.Duration(min(float64(time.Hour)/rate, longestMean)),
	}
}

// gap draws from the exponential distribution.
func (d *draw) gap() time.Duration {
	whole, fraction := d.exponential()
	part, _ := bits.Mul64(fraction, uint64(d.mean))
	return time.Duration(min(whole, mostMeans)*uint64(d.mean) + part)
}

// exponential draws whole + fraction/2^64 from the exponential distribution
// of mean 1, by von Neumann's method: a run of falling numbers that begins
// with x is of odd length with probability exp(-x).
func (d *draw) exponential() (whole, fraction uint64) {
	for ; ; whole++ {
		first := d.source.Uint64()
		length := 1
		for last, next := first, d.source.Uint64(); next < last; last, next = next, d.source.Uint64() {
			length++
		}
		if length%2 == 1 {
			return whole, first
		}
	}
}

// share draws one by its rate.
func (d *draw) share() Share {
	const precision = 1 << 53
	u := float64(d.source.Uint64()>>11) / precision
	left := float64(u * d.rate) // the conversion keeps it from being fused with what follows
	for _, s := range d.mix {
		if left -= s.PerHour; left < 0 {
			return s
		}
	}
	return d.mix[len(d.mix)-1] // what rounding leaves over
}

// seeded gives what draws itself its seed.
func (d *draw) seeded(h Happening) Happening {
	if s, ok := h.(Slow); ok && s.Jitter > 0 && s.Seed == 0 {
		s.Seed = d.source.Uint64()
		return s
	}
	return h
}

// lasting draws how long something lasts that does so for mean on average, of
// what is left, which is positive. Less than a nanosecond is 0.
func (d *draw) lasting(mean, left time.Duration) time.Duration {
	lasts := uint64(mean)/2 + d.below(uint64(mean)+1)
	if lasts > uint64(left) {
		lasts = 1 + d.below(uint64(left))
	}
	return time.Duration(lasts)
}

// below draws from 0 to n-1.
func (d *draw) below(n uint64) uint64 {
	high, _ := bits.Mul64(d.source.Uint64(), n)
	return high
}

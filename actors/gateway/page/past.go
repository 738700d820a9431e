package page

import (
	"math"
	"time"

	"github.com/tetherws/tether/messages"
)

// span is how long the charts reach back.
const span = 2 * time.Minute

// past is what the counts were, oldest first.
type past []reading

type reading struct {
	at    time.Time
	stats messages.Stats
}

// rates are the changes of the counts per second, oldest first, each up to
// its time of At.
type rates struct {
	At            []int64   `json:"at"` // Unix milliseconds
	Opened        []float64 `json:"opened"`
	Dropped       []float64 `json:"dropped"`
	Received      []float64 `json:"received"`
	Written       []float64 `json:"written"`
	ReceivedBytes []float64 `json:"received_bytes"`
	WrittenBytes  []float64 `json:"written_bytes"`
}

// add takes a reading, unless it comes so soon after the last that rates would
// mean little, and forgets those that nothing within the span needs. Counts
// that have fallen are another fleet's: the past is then forgotten.
func (p *past) add(r reading) {
	if n := len(*p); n > 0 {
		switch last := (*p)[n-1]; {
		case fell(last.stats, r.stats):
			*p = nil
		case r.at.Sub(last.at) < period/2:
			return
		}
	}
	*p = append(*p, r)
	for len(*p) > 1 && r.at.Sub((*p)[1].at) >= span {
		*p = (*p)[1:]
	}
}

func fell(from, to messages.Stats) bool {
	return to.Opened < from.Opened || to.Dropped < from.Dropped || written(to) < written(from) ||
		to.Received < from.Received || to.ReceivedBytes < from.ReceivedBytes || to.WrittenBytes < from.WrittenBytes
}

// written counts the data messages that have left for good.
func written(s messages.Stats) uint64 {
	return s.Outcomes[messages.OutcomeWritten] + s.Outcomes[messages.OutcomeConfirmed]
}

func (p past) rates() (r rates) {
	for i := 1; i < len(p); i++ {
		from, to := p[i-1], p[i]
		per := func(a, b uint64) float64 {
			return math.Round(10*float64(b-a)/to.at.Sub(from.at).Seconds()) / 10
		}
		r.At = append(r.At, to.at.UnixMilli())
		r.Opened = append(r.Opened, per(from.stats.Opened, to.stats.Opened))
		r.Dropped = append(r.Dropped, per(from.stats.Dropped, to.stats.Dropped))
		r.Received = append(r.Received, per(from.stats.Received, to.stats.Received))
		r.Written = append(r.Written, per(written(from.stats), written(to.stats)))
		r.ReceivedBytes = append(r.ReceivedBytes, per(from.stats.ReceivedBytes, to.stats.ReceivedBytes))
		r.WrittenBytes = append(r.WrittenBytes, per(from.stats.WrittenBytes, to.stats.WrittenBytes))
	}
	return r
}

// last returns the newest stats.
func (p past) last() (s messages.Stats) {
	if n := len(p); n > 0 {
		s = p[n-1].stats
	}
	return s
}

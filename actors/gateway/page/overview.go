package page

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/tetherws/tether/messages"
)

// overview is what all pages are told alike.
type overview struct {
	Now      int64             `json:"now"`             // Unix milliseconds
	Error    string            `json:"error,omitempty"` // why the counts are old
	States   map[string]int    `json:"states"`
	Opened   uint64            `json:"opened"`
	Dropped  uint64            `json:"dropped"`
	Accepted uint64            `json:"accepted"`
	Refused  map[string]uint64 `json:"refused"` // by reason, where there were any
	Outages  *percentiles      `json:"outages"`
	RTT      *percentiles      `json:"rtt"` // of the open connections' last
	Rates    rates             `json:"rates"`
}

// percentiles are in seconds. Nil: there was nothing to measure.
type percentiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
}

func (p *Page) overview(ctx context.Context) json.RawMessage {
	now := time.Now()
	o := overview{Now: now.UnixMilli(), Outages: p.outages(), RTT: p.rtt}
	stats, err := p.fleet.Stats(ctx)
	if err != nil {
		o.Error = err.Error()
		stats = p.past.last()
	} else {
		p.past.add(reading{now, stats})
	}
	o.States, o.Opened, o.Dropped, o.Rates = byState(stats), stats.Opened, stats.Dropped, p.past.rates()
	if p.counts != nil {
		c := p.counts()
		o.Accepted, o.Refused = c.Accepted, nonzero(c.Refused)
	}
	data, _ := json.Marshal(o) // numbers and strings
	return data
}

func byState(stats messages.Stats) map[string]int {
	m := make(map[string]int)
	for s := messages.Connecting; s < messages.Closed; s++ {
		m[s.String()] = stats.In(s)
	}
	return m
}

func nonzero(counts map[string]uint64) map[string]uint64 {
	m := make(map[string]uint64)
	for k, n := range counts {
		if n > 0 {
			m[k] = n
		}
	}
	return m
}

func (p *Page) outages() *percentiles {
	if p.feed == nil {
		return nil
	}
	d := p.feed.Outages()
	if !slices.ContainsFunc(d.Counts, func(n uint64) bool { return n > 0 }) {
		return nil
	}
	return &percentiles{d.Percentile(50).Seconds(), d.Percentile(90).Seconds(), d.Percentile(99).Seconds()}
}

// percentilesOf are the nearest ranks of all, which it sorts.
func percentilesOf(all []time.Duration) *percentiles {
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	rank := func(p float64) float64 {
		return all[int(math.Ceil(p*float64(len(all))))-1].Seconds()
	}
	return &percentiles{rank(0.50), rank(0.90), rank(0.99)}
}

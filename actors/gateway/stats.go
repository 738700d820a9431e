package gateway

import (
	"net/http"

	"github.com/tetherws/tether/messages"
)

// statsJSON is [messages.Stats] and [Counts] as the control API tells them.
type statsJSON struct {
	Ready       bool           `json:"ready"`
	Connections map[string]int `json:"connections"` // by state

	Closed        uint64            `json:"closed"`
	Opened        uint64            `json:"opened"`
	Dropped       uint64            `json:"dropped"`
	Admitted      uint64            `json:"admitted"`
	Outcomes      map[string]uint64 `json:"outcomes"`
	Received      uint64            `json:"received"`
	ReceivedBytes uint64            `json:"received_bytes"`
	WrittenBytes  uint64            `json:"written_bytes"`

	Accepted uint64            `json:"accepted"`
	Refused  map[string]uint64 `json:"refused"` // handshakes, by reason
	Control  map[string]uint64 `json:"control"` // requests, by class of status

	RTT     *durationsJSON `json:"rtt"`
	Outages *durationsJSON `json:"outages,omitempty"` // nil without a feed
}

// durationsJSON is what a [messages.Durations] comes to.
type durationsJSON struct {
	Count uint64  `json:"count"`
	Sum   float64 `json:"sum_seconds"`
	P50   float64 `json:"p50_seconds"`
	P90   float64 `json:"p90_seconds"`
	P99   float64 `json:"p99_seconds"`
}

// stats answers GET /v1/stats.
func (c *control) stats(r *call) error {
	s, err := c.fleet.Stats(r.Context())
	if err != nil {
		return err
	}
	counts := c.Counts()
	out := statsJSON{
		Ready: c.Ready(), Connections: make(map[string]int),
		Closed: s.Closed, Opened: s.Opened, Dropped: s.Dropped, Admitted: s.Admitted, Outcomes: make(map[string]uint64),
		Received: s.Received, ReceivedBytes: s.ReceivedBytes, WrittenBytes: s.WrittenBytes,
		Accepted: counts.Accepted, Refused: orEmpty(counts.Refused), Control: orEmpty(counts.Control),
		RTT: percentiles(s.RTT),
	}
	if c.config.Feed != nil {
		out.Outages = percentiles(c.config.Feed.Outages())
	}
	for _, state := range listed {
		out.Connections[state.String()] = s.In(state)
	}
	for o := messages.OutcomeWritten; o <= messages.OutcomeUndelivered; o++ {
		out.Outcomes[o.String()] = s.Outcomes[o]
	}
	return r.reply(http.StatusOK, out)
}

func orEmpty(m map[string]uint64) map[string]uint64 {
	if m == nil {
		return map[string]uint64{}
	}
	return m
}

func percentiles(d messages.Durations) *durationsJSON {
	out := &durationsJSON{
		Sum: d.Sum.Seconds(),
		P50: d.Percentile(50).Seconds(), P90: d.Percentile(90).Seconds(), P99: d.Percentile(99).Seconds(),
	}
	for _, n := range d.Counts {
		out.Count += n
	}
	return out
}

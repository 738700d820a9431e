package demo

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tetherws/tether/messages"
)

// Result is what became of a run.
type Result struct {
	Connections    int          `json:"connections"`
	Open           int          `json:"open"`            // at the end
	Sent           int          `json:"sent"`            // messages that an outbox took
	Confirmed      int          `json:"confirmed"`       // by pongs
	ReceivedUnique int          `json:"received_unique"` // as the server counts
	Lost           int          `json:"lost"`            // sent and not received
	Duplicates     int          `json:"duplicates"`      // as the server counts
	Drops          int          `json:"drops"`           // connections that the server cut
	Reconnects     int          `json:"reconnects"`
	ReconnectMS    Milliseconds `json:"reconnect_ms"`            // from leaving Open to Open again
	MaxLive        int          `json:"max_live_sockets_per_id"` // as the server counts
	PeakRSS        uint64       `json:"peak_rss_bytes"`          // of this process, with both ends
	Seconds        float64      `json:"seconds"`                 // from the first dial to the recovery

	refused    int // for want of room in an outbox: not sent
	outOfOrder int // as the server counts
}

// Milliseconds sums up durations.
type Milliseconds struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// result is taken when the storm is over and before its connections close.
func (s *storm) result(took time.Duration) *Result {
	c, report := s.score.snapshot(), s.server.witness.Report()
	return &Result{
		Connections:    len(s.ids),
		Open:           s.openNow(),
		Sent:           c.sent,
		Confirmed:      c.confirmed,
		ReceivedUnique: report.Unique,
		Lost:           c.sent - report.Unique,
		Duplicates:     report.Duplicates,
		Drops:          c.drops,
		Reconnects:     c.reconnects,
		ReconnectMS:    Milliseconds{milliseconds(c.reconnect.P50), milliseconds(c.reconnect.P99), milliseconds(c.reconnect.Max)},
		MaxLive:        report.MaxLive,
		PeakRSS:        peakRSS(),
		Seconds:        math.Round(took.Seconds()*10) / 10,
		refused:        c.refused,
		outOfOrder:     report.OutOfOrder,
	}
}

// openNow asks the connections themselves; the score has only heard of them.
func (s *storm) openNow() (open int) {
	for info := range s.manager.Connections() {
		if info.State == messages.Open {
			open++
		}
	}
	return open
}

// milliseconds rounds to a tenth.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(100*time.Microsecond)) / 10
}

// problems returns what went wrong, in one line; nil if nothing did.
func (r *Result) problems() error {
	var found []string
	for _, problem := range []struct {
		count int
		text  string
	}{
		{r.Connections - r.Open, "%d connections are not open"},
		{r.Lost, "%d messages were lost"},
		{r.Sent - r.Confirmed, "%d messages were not confirmed"},
		{r.outOfOrder, "%d messages came out of order"},
		{r.MaxLive - 1, "%d sockets too many were live for one ID"},
	} {
		if problem.count != 0 {
			found = append(found, fmt.Sprintf(problem.text, problem.count))
		}
	}
	if found == nil {
		return nil
	}
	return errors.New("the demo failed: " + strings.Join(found, ", "))
}

package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tetherws/tether/messages"
)

var (
	connections   = desc("connections", "Connections that are held.", "state")
	opened        = desc("opened_total", "Openings of sockets, first and again.")
	dropped       = desc("dropped_total", "Open sockets that ended unasked.")
	closed        = desc("closed_total", "Connections that ended for good.")
	admitted      = desc("messages_admitted_total", "Messages taken into outboxes.")
	outcomes      = desc("message_outcomes_total", "Admitted messages that ended.", "outcome")
	received      = desc("messages_received_total", "Data messages received from peers.")
	receivedBytes = desc("received_bytes_total", "Payload of the data messages received, decompressed.")
	writtenBytes  = desc("written_bytes_total", "Payload of data messages written to peers, repeats included.")
	roundTrips    = desc("round_trip_seconds", "Time from a ping to its pong.")
)

// fleet collects what a fleet's Stats say.
type fleet struct {
	stats func(context.Context) (messages.Stats, error)
}

// patience is how long a scrape waits for Stats: half of what Prometheus waits
// for the scrape.
const patience = 5 * time.Second

// Describe implements prometheus.Collector.
func (fleet) Describe(to chan<- *prometheus.Desc) {
	describe(to, connections, opened, dropped, closed, admitted, outcomes, received, receivedBytes, writtenBytes, roundTrips)
}

// Collect implements prometheus.Collector.
func (f fleet) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := f.stats(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(connections, err)
		return
	}
	for state := messages.Connecting; state < messages.Closed; state++ {
		to <- gauge(connections, s.In(state), state.String())
	}
	for outcome := messages.OutcomeWritten; outcome <= messages.OutcomeUndelivered; outcome++ {
		to <- counter(outcomes, s.Outcomes[outcome], outcome.String())
	}
	to <- counter(opened, s.Opened)
	to <- counter(dropped, s.Dropped)
	to <- counter(closed, s.Closed)
	to <- counter(admitted, s.Admitted)
	to <- counter(received, s.Received)
	to <- counter(receivedBytes, s.ReceivedBytes)
	to <- counter(writtenBytes, s.WrittenBytes)
	to <- histogram(roundTrips, s.RTT)
}

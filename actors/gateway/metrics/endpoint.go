package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/tetherws/tether/actors/gateway"
)

var (
	accepted = desc("handshakes_accepted_total", "Handshakes of clients that were accepted.")
	refused  = desc("handshakes_refused_total", "Handshakes of clients that were refused.", "reason")
	control  = desc("control_requests_total", "Answered requests to the control API, by class of status.", "class")
)

var classes = []string{"1xx", "2xx", "3xx", "4xx", "5xx"}

// endpoint collects a gateway's Counts. Each series is there from the first
// scrape on, so that the first refusal is seen as a rise.
type endpoint struct{ counts func() gateway.Counts }

// Describe implements prometheus.Collector.
func (endpoint) Describe(to chan<- *prometheus.Desc) { describe(to, accepted, refused, control) }

// Collect implements prometheus.Collector.
func (e endpoint) Collect(to chan<- prometheus.Metric) {
	c := e.counts()
	to <- counter(accepted, c.Accepted)
	for _, reason := range gateway.Reasons {
		to <- counter(refused, c.Refused[reason], reason)
	}
	for _, class := range classes {
		to <- counter(control, c.Control[class], class)
	}
}

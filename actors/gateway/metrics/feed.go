package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/tetherws/tether/actors/gateway"
)

var (
	outage = desc("outage_seconds", "Time from a drop to the next opening.")
	lost   = desc("feed_lost_total", "Events that found the buffer of a listener full.")
)

// feed collects what a Feed has seen.
type feed struct{ *gateway.Feed }

// Describe implements prometheus.Collector.
func (feed) Describe(to chan<- *prometheus.Desc) { describe(to, outage, lost) }

// Collect implements prometheus.Collector.
func (f feed) Collect(to chan<- prometheus.Metric) {
	to <- histogram(outage, f.Outages())
	to <- counter(lost, f.Lost())
}

package metrics

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

// Sources is where the metrics come from. What is nil has none.
type Sources struct {
	// Stats is asked at each scrape, and given 5 s: a Fleet's.
	Stats func(context.Context) (messages.Stats, error)
	// Counts is a Gateway's.
	Counts func() gateway.Counts
	// Feed is what the fleet's events are published to.
	Feed *gateway.Feed
}

// New returns a handler that answers with the metrics of s, of the Go runtime
// and of the process. Beyond eight scrapes at once it answers 503.
func New(s Sources) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		Collector(s),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		Registry:            registry,
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 8,
	})
}

// Collector returns the metrics of s for a registry of your own.
func Collector(s Sources) prometheus.Collector {
	all := several{build{}}
	if s.Stats != nil {
		all = append(all, fleet{s.Stats})
	}
	if s.Counts != nil {
		all = append(all, endpoint{s.Counts})
	}
	if s.Feed != nil {
		all = append(all, feed{s.Feed})
	}
	return all
}

// several are collectors as one.
type several []prometheus.Collector

// Describe implements prometheus.Collector.
func (s several) Describe(to chan<- *prometheus.Desc) {
	for _, c := range s {
		c.Describe(to)
	}
}

// Collect implements prometheus.Collector.
func (s several) Collect(to chan<- prometheus.Metric) {
	for _, c := range s {
		c.Collect(to)
	}
}

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/tetherws/tether/messages"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("tether_"+name, help, labels, nil)
}

func gauge(d *prometheus.Desc, v int, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
}

func counter(d *prometheus.Desc, v uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

// histogram shows v in seconds, with cumulative buckets.
func histogram(d *prometheus.Desc, v messages.Durations) prometheus.Metric {
	buckets, below := make(map[float64]uint64, len(v.Bounds)), uint64(0)
	for i, bound := range v.Bounds {
		below += v.Counts[i]
		buckets[bound.Seconds()] = below
	}
	return prometheus.MustNewConstHistogram(d, v.Count(), v.Sum.Seconds(), buckets)
}

func describe(to chan<- *prometheus.Desc, all ...*prometheus.Desc) {
	for _, d := range all {
		to <- d
	}
}

package metrics

import (
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

var buildInfo = desc("build_info", "The version of Tether, and of the Go that built it; always 1.", "version", "goversion")

// build collects what this program was built from.
type build struct{}

// Describe implements prometheus.Collector.
func (build) Describe(to chan<- *prometheus.Desc) { describe(to, buildInfo) }

// Collect implements prometheus.Collector.
func (build) Collect(to chan<- prometheus.Metric) {
	info, _ := debug.ReadBuildInfo()
	to <- gauge(buildInfo, 1, version(info), runtime.Version())
}

const module = "github.com/tetherws/tether"

// version is the module's in a program that is or imports it.
func version(info *debug.BuildInfo) string {
	const unknown = "unknown"
	if info == nil {
		return unknown
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module && m.Version != "" {
			return m.Version
		}
	}
	return unknown
}

//go:build !linux

package demo

import "runtime"

// peakRSS returns the most memory that the Go runtime has had from the
// system, in bytes: it gives none of its address space back.
func peakRSS() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.Sys
}

//go:build unix

package openfiles

import (
	"math"
	"syscall"
)

// Limit returns how many files the process may have open. The runtime has
// raised the soft limit to the hard one by now.
func Limit() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxUint64
	}
	return uint64(limit.Cur) // signed on some systems
}

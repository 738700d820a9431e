//go:build unix

package benchmarks_test

import (
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"time"
)

// cpuTime returns what this process has used so far, user and system.
func cpuTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// residentBytes returns the memory of this process, without its garbage.
func residentBytes() (int, error) {
	// The first collection shrinks stacks, the second frees what they leave.
	debug.FreeOSMemory()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0, err
	}
	return resident * os.Getpagesize(), nil
}

//go:build !unix

package demo

import "math"

// openFiles returns how many files the process may have open: there is no
// limit of its own here.
func openFiles() uint64 { return math.MaxUint64 }

//go:build !unix

package openfiles

import "math"

// Limit returns how many files the process may have open: there is no
// limit of its own here.
func Limit() uint64 { return math.MaxUint64 }

package drops

import (
	"regexp"
	"runtime"
	"strings"
)

// goroutine is one of the bubble's.
type goroutine struct{ id, stack string }

var bubbled = regexp.MustCompile(`^goroutine (\d+) \[[^\]]*(synctest bubble \d+)`)

// bubble returns the goroutines of the testing/synctest bubble that it is
// called in, the caller's first; none outside of any.
func bubble() (all []goroutine) {
	of := ""
	for _, stack := range strings.Split(stacks(), "\n\n") {
		label := bubbled.FindStringSubmatch(stack)
		switch {
		case label == nil && of == "":
			return nil
		case of == "":
			of = label[2]
		}
		if label != nil && label[2] == of {
			all = append(all, goroutine{label[1], stack})
		}
	}
	return all
}

func stacks() string {
	for size := 1 << 20; ; size *= 2 {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < size {
			return string(b[:n])
		}
	}
}

// left returns the stacks of the bubble's goroutines that are neither older
// than the simulation nor its own.
func (s *Simulation) left() (stacks []string) {
	for i, g := range bubble() {
		if i > 0 && !s.others[g.id] {
			stacks = append(stacks, g.stack)
		}
	}
	return stacks
}

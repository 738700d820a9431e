//go:build unix

package benchmarks_test

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// fleet is a side under test: open connections, numbered from 0, to which
// messages are routed by ID.
type fleet interface {
	send(i int, payload []byte) error // messages.ErrQueueFull when there is no room
	written(i int) uint64             // messages
	beaten(i int) bool                // whether a ping was answered
	close() error                     // joins everything
}

// side names a fleet and opens it: n connections to url, with a heartbeat or
// without.
type side struct {
	name string
	open func(url string, n int, heartbeat bool) (fleet, error)
}

var sides = []side{{"hub", openHub}, {"tether", openTether}}

func sideNamed(name string) side {
	return sides[slices.IndexFunc(sides, func(s side) bool { return s.name == name })]
}

// until polls a condition, sparingly, since polling counts as cost.
func until(condition func() bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waited for too long: %w", ctx.Err())
		}
	}
	return nil
}

package demo

import (
	"context"
	"time"
)

// beat is how often pace looks at the clock.
const beat = 5 * time.Millisecond

// pace calls do at an even rate until ctx ends, or until do fails, which it
// returns. The schedule is kept open loop: where do is slow, the calls that
// are overdue follow at once.
func pace(ctx context.Context, perSecond int, do func() error) error {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	start := time.Now()
	for done := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		for ; done < due(perSecond, time.Since(start)) && ctx.Err() == nil; done++ {
			if err := do(); err != nil {
				return err
			}
		}
	}
}

// due returns how many calls should have been made by then.
func due(perSecond int, elapsed time.Duration) int {
	return int(float64(perSecond) * elapsed.Seconds())
}

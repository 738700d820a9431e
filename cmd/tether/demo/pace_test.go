package demo

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPaceKeepsTheRate(t *testing.T) {
	for _, perSecond := range []int{0, 1, 50, 2000} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second+time.Millisecond)
			defer cancel()
			var at []time.Duration
			start := time.Now()
			err := pace(ctx, perSecond, func() error {
				at = append(at, time.Since(start))
				return nil
			})
			if err != nil {
				t.Errorf("returned %v", err)
			}
			if len(at) != 3*perSecond {
				t.Fatalf("%d calls in 3 s at %d a second", len(at), perSecond)
			}
			for i, got := range at {
				planned := time.Duration(i+1) * time.Second / time.Duration(perSecond)
				if got < planned || got > planned+beat {
					t.Fatalf("call %d came after %v, planned for %v", i, got, planned)
				}
			}
		})
	}
}

func TestPaceCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second+time.Millisecond)
		defer cancel()
		calls := 0
		err := pace(ctx, 100, func() error {
			if calls++; calls == 10 {
				time.Sleep(time.Second)
			}
			return nil
		})
		if err != nil || calls != 300 {
			t.Errorf("%d calls in 3 s at 100 a second, 1 s of them lost; returned %v", calls, err)
		}
	})
}

func TestPaceEndsWithTheFirstFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, failure := 0, errors.New("no more")
		err := pace(t.Context(), 1000, func() error {
			if calls++; calls == 7 {
				return failure
			}
			return nil
		})
		if !errors.Is(err, failure) || calls != 7 {
			t.Errorf("returned %v after %d calls", err, calls)
		}
	})
}

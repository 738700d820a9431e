package drops_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// recorder is a stage that notes what is done on it, and when.
type recorder struct {
	start time.Time
	notes []string
	took  map[int]time.Duration // how long a step on the connection takes
	err   error
}

func (r *recorder) note(format string, conn int, what drops.Happening, d time.Duration) error {
	r.notes = append(r.notes, fmt.Sprintf("%v: "+format, time.Since(r.start), conn, what, d))
	time.Sleep(r.took[conn])
	return r.err
}

func (r *recorder) Inject(conn int, f drops.Fault, d time.Duration) error {
	return r.note("inject %d %v %v", conn, f, d)
}

func (r *recorder) Refuse(conn int, f drops.Refusal, d time.Duration) error {
	return r.note("refuse %d %v %v", conn, f, d)
}

func (r *recorder) FailDial(conn int, f drops.DialFault, d time.Duration) error {
	return r.note("fail dial %d %v %v", conn, f, d)
}

func (r *recorder) told(s drops.Step, err error) {
	r.notes = append(r.notes, fmt.Sprintf("%v: told %v, %v", time.Since(r.start), s, err))
}

func (r *recorder) want(t *testing.T, notes ...string) {
	t.Helper()
	if !reflect.DeepEqual(r.notes, notes) {
		t.Errorf("noted:\n%q\nwant:\n%q", r.notes, notes)
	}
}

func onStage(t *testing.T, test func(t *testing.T, r *recorder)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, &recorder{start: time.Now()}) })
}

func TestPlayDoesEachStepAtItsTimeAndTellsIt(t *testing.T) {
	onStage(t, func(t *testing.T, r *recorder) {
		r.err = net.ErrClosed
		s := must(drops.ParseScript(`
			0s 3 reset
			1s 0 silence in for 30s
			1s 1 refuse 503 for 1m
			1h0m0.000000001s 2 conn-refused`))
		if err := s.Play(t.Context(), r, r.told); err != nil {
			t.Error(err)
		}
		r.want(t,
			"0s: inject 3 reset 0s", "0s: told 0s 3 reset, "+net.ErrClosed.Error(),
			"1s: inject 0 silence in 30s", "1s: told 1s 0 silence in for 30s, "+net.ErrClosed.Error(),
			"1s: refuse 1 refuse 503 1m0s", "1s: told 1s 1 refuse 503 for 1m0s, "+net.ErrClosed.Error(),
			"1h0m0.000000001s: fail dial 2 conn-refused 0s", "1h0m0.000000001s: told 1h0m0.000000001s 2 conn-refused, "+net.ErrClosed.Error(),
		)
	})
}

func TestPlayTellsWhatCannotBePlayedAndGoesOn(t *testing.T) {
	onStage(t, func(t *testing.T, r *recorder) {
		var told []error
		s := drops.Script{Steps: []drops.Step{{What: wordsOnly("reset")}, {What: nil}, {At: 1, What: drops.Reset{}}}}
		if err := s.Play(t.Context(), r, func(_ drops.Step, err error) { told = append(told, err) }); err != nil {
			t.Error(err)
		}
		if len(told) != 3 || !errors.Is(told[0], messages.ErrInvalid) || !errors.Is(told[1], messages.ErrInvalid) || told[2] != nil {
			t.Errorf("told %v", told)
		}
		r.want(t, "1ns: inject 0 reset 0s")
	})
}

func TestLatePlayCatchesUpInOrder(t *testing.T) {
	onStage(t, func(t *testing.T, r *recorder) {
		r.took = map[int]time.Duration{1: 10 * time.Second}
		s := must(drops.ParseScript("1s 1 reset\n2s 2 fin\n3s 3 stall\n12s 4 reset"))
		if err := s.Play(t.Context(), r, nil); err != nil {
			t.Error(err)
		}
		r.want(t, "1s: inject 1 reset 0s", "11s: inject 2 fin 0s", "11s: inject 3 stall 0s", "12s: inject 4 reset 0s")
	})
}

func TestPlayEndsWithItsContext(t *testing.T) {
	onStage(t, func(t *testing.T, r *recorder) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Minute)
		defer cancel()
		s := must(drops.ParseScript("1h 0 reset\n2h 0 fin"))
		if err := s.Play(ctx, r, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(r.start); took != 90*time.Minute {
			t.Errorf("after %v", took)
		}
		r.want(t, "1h0m0s: inject 0 reset 0s")
	})
}

func TestNothingIsPlayedOnceTheContextHasEnded(t *testing.T) {
	s := must(drops.ParseScript("0s 0 reset\n0s 1 reset\n0s 2 reset"))
	for range 100 { // each chooses between the timer and the context
		onStage(t, func(t *testing.T, r *recorder) {
			ctx, cancel := context.WithCancel(t.Context())
			err := s.Play(ctx, r, func(s drops.Step, _ error) {
				if s.Conn == 1 {
					cancel()
				}
			})
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			r.want(t, "0s: inject 0 reset 0s", "0s: inject 1 reset 0s")
		})
	}
}

func TestPlayOfNothingReturnsAtOnce(t *testing.T) {
	onStage(t, func(t *testing.T, r *recorder) {
		if err := (drops.Script{Length: time.Hour}).Play(t.Context(), r, nil); err != nil || time.Since(r.start) != 0 {
			t.Errorf("%v after %v", err, time.Since(r.start))
		}
	})
}

package drops_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

func ExampleParse() {
	what, err := drops.Parse(`close 1001 reason="going away"`)
	fmt.Printf("%#v %v\n", what.(drops.CloseCode).Reason, err)
	_, err = drops.Parse("torn")
	fmt.Println(err)
	// Output:
	// "going away" <nil>
	// invalid: torn: AFTER is missing; usage: torn AFTER [fin]
}

// A timetable for two connections, on each of which something happens about
// six times in ten minutes.
func ExampleNewScript() {
	mix, err := drops.ParseMix("18/h reset, 12/h silence in for 30s, 6/h refuse 503 for 10s")
	if err != nil {
		fmt.Println(err)
		return
	}
	script, err := drops.NewScript(17, 2, 5*time.Minute, mix)
	fmt.Printf("%v%v\n", script, err)
	// Output:
	// tether-script 1 seed=17 connections=2 length=5m0s
	// 4.697985037s 1 silence in for 29.814586916s
	// 1m1.085290548s 0 silence in for 30.406076952s
	// 2m17.708586254s 1 reset
	// 2m42.524872841s 1 silence in for 34.291936564s
	// 4m37.314015985s 0 silence in for 4.267969128s
	// <nil>
}

// A fleet that can't bear a second reset of one connection within a minute:
// of a long script, the two steps that show it are left.
func ExampleShrink() {
	mix := drops.Mix{{What: drops.Reset{}, PerHour: 6}, {What: drops.Silence{}, PerHour: 20, For: 30 * time.Second}}
	script, err := drops.NewScript(1, 100, time.Hour, mix)
	if err != nil {
		fmt.Println(err)
		return
	}
	fails := func(s drops.Script) bool {
		last := make(map[int]time.Duration)
		for _, step := range s.Steps {
			if step.What != (drops.Reset{}) {
				continue
			}
			if at, ok := last[step.Conn]; ok && step.At-at < time.Minute {
				return true
			}
			last[step.Conn] = step.At
		}
		return false
	}
	small := drops.Shrink(script, fails)
	fmt.Printf("of %d steps:\n%v", len(script.Steps), small)
	// Output:
	// of 2212 steps:
	// tether-script 1 seed=1 connections=100 length=1h0m0s
	// 15m16.731936414s 0 reset
	// 16m8.588752444s 0 reset
}

// printed is a stage that only says what would happen.
type printed struct{ start time.Time }

func (p printed) Inject(conn int, f drops.Fault, d time.Duration) error {
	fmt.Println(time.Since(p.start), "connection", conn, "takes", f, "for", d)
	return nil
}

func (p printed) Refuse(conn int, r drops.Refusal, d time.Duration) error {
	fmt.Println(time.Since(p.start), "connection", conn, "is answered", r, "for", d)
	return nil
}

func (p printed) FailDial(conn int, f drops.DialFault, d time.Duration) error {
	fmt.Println(time.Since(p.start), "connection", conn, "is", f, "for", d)
	return nil
}

// A script written by hand, played in virtual time. In a test of one's own the
// function literal is the body of the test.
func ExampleScript_Play() {
	script, err := drops.ParseScript(`
		# the first server goes away, the second is hard to reach
		1m    0 refuse 503 for 30s
		1m20s 1 silence in for 1m
		2h    1 conn-refused for 10s
	`)
	if err != nil {
		fmt.Println(err)
		return
	}
	var t testing.T // a test's own
	synctest.Test(&t, func(t *testing.T) {
		fmt.Println(script.Play(t.Context(), printed{time.Now()}, nil))
	})
	// Output:
	// 1m0s connection 0 is answered refuse 503 for 30s
	// 1m20s connection 1 takes silence in for 1m0s
	// 2h0m0s connection 1 is conn-refused for 10s
	// <nil>
}

package drops_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/supervision"
	"github.com/tetherws/tether/supervision/drops"
)

var (
	seeds      = flag.Int("seeds", 20, "how many seeds TestSimulation simulates: 1, 2, ...")
	oneSeed    = flag.Uint64("seed", 0, "the one seed that TestSimulation simulates, in place of -seeds")
	scriptFile = flag.String("script", "", "the script that TestSimulation plays, in place of seeds")
)

const replay = "go test ./supervision/drops -run '^TestSimulation$' -v "

// TestSimulation has fleets of real connections live through scripts of the
// default mix. A failure prints its seed, the shortest script that still
// fails, and the commands that replay both.
func TestSimulation(t *testing.T) {
	switch {
	case *scriptFile != "":
		text, err := os.ReadFile(*scriptFile)
		if err != nil {
			t.Fatal(err)
		}
		withstands(t, must(drops.ParseScript(string(text))))
	case *oneSeed != 0:
		withstands(t, script(t, *oneSeed))
	default:
		for seed := range uint64(*seeds) {
			t.Run(fmt.Sprintf("seed=%d", seed+1), func(t *testing.T) { withstands(t, script(t, seed+1)) })
		}
	}
}

// script is the seed's: 20 connections for 10 minutes.
func script(t *testing.T, seed uint64) drops.Script {
	t.Helper()
	return must(drops.NewScript(seed, 20, 10*time.Minute, drops.DefaultMix()))
}

// holds plays s to a fleet, and returns what came of it.
func holds(t *testing.T, s drops.Script, message time.Duration) drops.Report {
	t.Helper()
	expect := drops.Expect{Concurrent: 3, PerSecond: 100} // which even 20 connections reach
	plan := drops.Plan{Script: s, Expect: expect, Invariants: drops.Invariants(expect), Message: message}
	report := run(t, plan, actors.Config{
		Governor: supervision.Limits{PoolConcurrent: expect.Concurrent, PoolPerSecond: expect.PerSecond},
	})
	return report
}

func withstands(t *testing.T, s drops.Script) {
	t.Helper()
	report := holds(t, s, 5*time.Second)
	t.Logf("%v", report)
	err := report.Err()
	if err == nil {
		return
	}
	t.Errorf("%v", err)
	t.Logf("replay it: %s-seed %d", replay, s.Seed)
	shortest := drops.Shrink(s, func(s drops.Script) bool { return holds(t, s, 5*time.Second).Err() != nil })
	file := must(os.CreateTemp("", fmt.Sprintf("seed-%d-*.script", s.Seed)))
	defer file.Close()
	fmt.Fprint(file, shortest)
	t.Logf("the shortest script that fails:\n%vreplay it: %s-script %s", shortest, replay, file.Name())
}

// Virtual time does not order what is due at one instant. That it shows
// nowhere is worth a test: what a seed does, it does again.
func TestSimulationOfASeedRepeats(t *testing.T) {
	for seed := range uint64(3) {
		s := script(t, seed+1)
		first, again := account(holds(t, s, 5*time.Second)), account(holds(t, s, 5*time.Second))
		if first != again {
			t.Errorf("seed %d first:\n%s\nand again:\n%s", seed+1, first, again)
		}
	}
}

// account is a report without what may differ.
func account(r drops.Report) string {
	text := r.String()
	return text[:strings.LastIndex(text, "messages (may differ)")]
}

// A week of bad network, with a drop or two an hour. Under the race detector,
// which makes it ten times as slow, it is half a day.
func TestSimulationOfAWeek(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	length := 7 * 24 * time.Hour
	if racing {
		length = 12 * time.Hour
	}
	mix := drops.DefaultMix()
	for i := range mix {
		mix[i].PerHour /= 15
	}
	s := must(drops.NewScript(1, 100, length, mix))
	report := holds(t, s, 5*time.Minute)
	dropped, reconnects := 0, 0
	for _, c := range report.Connections {
		dropped, reconnects = dropped+c.Dropped(), reconnects+c.Reconnects()
	}
	t.Logf("%v: %d steps, %d drops, %d reconnects", report.Length, len(s.Steps), dropped, reconnects)
	if err := report.Err(); err != nil {
		t.Error(err)
	}
}

package demo

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
)

func sample() view {
	v := view{phase: "storm", elapsed: 5 * time.Second, bound: 20 * time.Second}
	v.counts.states[messages.Open] = 90
	v.counts.states[messages.Connecting] = 3
	v.counts.states[messages.Backoff] = 6
	v.counts.states[messages.Parked] = 1
	v.counts.sent, v.counts.confirmed, v.counts.drops = 1000, 990, 12
	v.counts.reconnect = latency{P50: 150 * time.Millisecond, P99: 2 * time.Second}
	return v
}

func TestABlockIsDrawnOnATerminal(t *testing.T) {
	want := []string{
		"storm     [#######.......................] 5 of 20 s at most",
		"open 90   connecting 3   in backoff 7",
		"sent 1000   confirmed 990   drops 12",
		"reconnect p50 150 ms, p99 2000 ms",
	}
	if got := sample().Block(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestALineIsToldOffATerminal(t *testing.T) {
	const want = "storm 5s: open 90, connecting 3, in backoff 7, sent 1000, confirmed 990, drops 12, reconnect p50 150 ms, p99 2000 ms"
	if got := sample().Line(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTheBarIsFullAtTheBoundAndBeyond(t *testing.T) {
	for elapsed, want := range map[time.Duration]int{0: 0, time.Second: 15, 2 * time.Second: 30, time.Hour: 30} {
		v := view{elapsed: elapsed, bound: 2 * time.Second}
		if got := strings.Count(v.bar(), "#"); got != want || len(v.bar()) != 32 {
			t.Errorf("after %v: %s", elapsed, v.bar())
		}
	}
}

func TestTheSeedIsPrinted(t *testing.T) {
	var out bytes.Buffer
	announce(&out, Config{Connections: 5, Drops: 2, Rate: 3, Duration: time.Second, Seed: 77})
	if got := out.String(); !strings.Contains(got, "seed 77\n") {
		t.Errorf("told %q", got)
	}
}

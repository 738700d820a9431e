package demo

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/messages"
)

type screen struct{ bytes.Buffer }

func (*screen) Width() int { return 100 }

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

func TestOnATerminalItIsRedrawnInPlace(t *testing.T) {
	var out screen
	p := newProgress(&out)
	p.show(sample())
	first := out.String()
	want := "\x1b[2Kstorm     [#######.......................] 5 of 20 s at most\n" +
		"\x1b[2Kopen 90   connecting 3   in backoff 7\n" +
		"\x1b[2Ksent 1000   confirmed 990   drops 12\n" +
		"\x1b[2Kreconnect p50 150 ms, p99 2000 ms\n\x1b[J"
	if first != want {
		t.Errorf("drew %q, want %q", first, want)
	}
	p.show(sample())
	if again := out.String()[len(first):]; again != "\x1b[4A"+want {
		t.Errorf("drew %q over it", again)
	}
}

func TestOffATerminalThereIsALineNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress(&out)
		for range 21 { // at 0 s, 200 ms, ... 4 s
			p.show(sample())
			time.Sleep(redraw)
		}
		other := sample()
		other.phase = "recovery"
		p.show(other)
		const facts = ": open 90, connecting 3, in backoff 7, sent 1000, confirmed 990, drops 12, reconnect p50 150 ms, p99 2000 ms\n"
		want := strings.Repeat("storm 5s"+facts, 3) + "recovery 5s" + facts
		if out.String() != want {
			t.Errorf("told %q, want %q", &out, want)
		}
	})
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
	newProgress(&out).begin(Config{Connections: 5, Drops: 2, Rate: 3, Duration: time.Second, Seed: 77})
	if got := out.String(); !strings.Contains(got, "seed 77\n") {
		t.Errorf("told %q", got)
	}
}

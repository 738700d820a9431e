package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tetherws/tether/messages"
)

// view is what there is to show.
type view struct {
	phase   string
	elapsed time.Duration
	bound   time.Duration // of the phase
	counts  counts
}

// announce says what is to come.
func announce(w io.Writer, cfg Config) {
	_, _ = fmt.Fprintf(w, "%d connections, %d drops and %d messages a second for %v, seed %d\n",
		cfg.Connections, cfg.Drops, cfg.Rate, cfg.Duration, cfg.Seed)
}

// Phase implements terminal.View.
func (v view) Phase() string { return v.phase }

// Line implements terminal.View.
func (v view) Line() string {
	return fmt.Sprintf("%s %.0fs: %s", v.phase, v.elapsed.Seconds(), strings.Join(v.facts(), ", "))
}

// Block implements terminal.View.
func (v view) Block() []string {
	facts := v.facts()
	return []string{
		fmt.Sprintf("%-9s %s %.0f of %.0f s at most", v.phase, v.bar(), v.elapsed.Seconds(), v.bound.Seconds()),
		strings.Join(facts[:3], "   "),
		strings.Join(facts[3:6], "   "),
		facts[6],
	}
}

func (v view) facts() []string {
	c := v.counts
	return []string{
		fmt.Sprintf("open %d", c.states[messages.Open]),
		fmt.Sprintf("connecting %d", c.states[messages.Connecting]),
		fmt.Sprintf("in backoff %d", c.states[messages.Backoff]+c.states[messages.Parked]),
		fmt.Sprintf("sent %d", c.sent),
		fmt.Sprintf("confirmed %d", c.confirmed),
		fmt.Sprintf("drops %d", c.drops),
		fmt.Sprintf("reconnect p50 %d ms, p99 %d ms", c.reconnect.P50.Milliseconds(), c.reconnect.P99.Milliseconds()),
	}
}

// bar is the time that has passed of the phase's.
func (v view) bar() string {
	const width = 30
	done := int(width * min(v.elapsed, v.bound) / v.bound)
	return "[" + strings.Repeat("#", done) + strings.Repeat(".", width-done) + "]"
}

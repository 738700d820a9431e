package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tetherws/tether/cmd/tether/terminal"
	"github.com/tetherws/tether/messages"
)

const (
	redraw   = 200 * time.Millisecond // on a terminal
	interval = 2 * time.Second        // between plain lines
)

// view is what there is to show.
type view struct {
	phase   string
	elapsed time.Duration
	bound   time.Duration // of the phase
	counts  counts
}

// progress tells how the storm goes: redrawn in place on a terminal, and
// otherwise as a line now and then. Where it can't be written it is lost.
type progress struct {
	w     io.Writer
	live  *terminal.Live // nil off a terminal
	phase string         // of the last line
	last  time.Time
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w}
	if screen, ok := terminal.Of(w); ok {
		p.live = &terminal.Live{Screen: screen}
	}
	return p
}

// begin says what is to come.
func (p *progress) begin(cfg Config) {
	_, _ = fmt.Fprintf(p.w, "%d connections, %d drops and %d messages a second for %v, seed %d\n",
		cfg.Connections, cfg.Drops, cfg.Rate, cfg.Duration, cfg.Seed)
}

// show is called often.
func (p *progress) show(v view) {
	switch {
	case p.live != nil:
		_ = p.live.Draw(v.block()...)
	case p.phase != v.phase || time.Since(p.last) >= interval:
		p.phase, p.last = v.phase, time.Now()
		_, _ = fmt.Fprintln(p.w, v.line())
	}
}

func (v view) line() string {
	return fmt.Sprintf("%s %.0fs: %s", v.phase, v.elapsed.Seconds(), strings.Join(v.facts(), ", "))
}

func (v view) block() []string {
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

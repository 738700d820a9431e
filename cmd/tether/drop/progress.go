package drop

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tetherws/tether/cmd/tether/terminal"
	"github.com/tetherws/tether/supervision/drops"
)

const (
	redraw   = 200 * time.Millisecond // on a terminal
	interval = 2 * time.Second        // between plain lines
)

// view is what there is to show.
type view struct {
	elapsed time.Duration
	counts  drops.ProxyCounts
}

// progress tells how it goes: redrawn in place on a terminal, and otherwise as
// a line now and then. Where it can't be written it is lost.
type progress struct {
	w    io.Writer
	live *terminal.Live // nil off a terminal
	last time.Time      // of the last line
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w}
	if screen, ok := terminal.Of(w); ok {
		p.live = &terminal.Live{Screen: screen}
	}
	return p
}

// begin says what is to come.
func (p *progress) begin(s *session) {
	_, _ = fmt.Fprintf(p.w, "ws://%s to %s, seed %d\n", s.clients.Addr(), s.cfg.To, s.cfg.Seed)
	if s.asking != nil {
		_, _ = fmt.Fprintf(p.w, "control: curl http://%s/\n", s.asking.Addr())
	}
}

// show is called often.
func (p *progress) show(v view) {
	switch {
	case p.live != nil:
		_ = p.live.Draw(v.block()...)
	case time.Since(p.last) >= interval:
		p.last = time.Now()
		_, _ = fmt.Fprintf(p.w, "%.0fs: %s\n", v.elapsed.Seconds(), strings.Join(slices.Concat(v.facts()...), ", "))
	}
}

func (v view) block() []string {
	block := []string{fmt.Sprintf("%.0f s", v.elapsed.Seconds())}
	for _, facts := range v.facts() {
		block = append(block, strings.Join(facts, "   "))
	}
	return block
}

func (v view) facts() [][]string {
	c := v.counts
	return [][]string{
		{fmt.Sprintf("live %d", c.Live), fmt.Sprintf("silenced %d", c.Silenced), fmt.Sprintf("closing %d", c.Closing), fmt.Sprintf("accepted %d", c.Accepted)},
		{fmt.Sprintf("refused %d", c.Refused), fmt.Sprintf("declined %d", c.Declined), fmt.Sprintf("failed %d", c.Failed)},
		{"faults: " + list(c.Faults)},
		{fmt.Sprintf("messages up %d", c.FromClient.Messages), fmt.Sprintf("down %d", c.FromServer.Messages)},
	}
}

// list names what is counted, each with its number.
func list[K ~string | ~int](counts map[K]uint64) string {
	if len(counts) == 0 {
		return "none"
	}
	var texts []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		texts = append(texts, fmt.Sprintf("%v %d", k, counts[k]))
	}
	return strings.Join(texts, " ")
}

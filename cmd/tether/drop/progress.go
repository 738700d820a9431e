package drop

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

// view is what there is to show.
type view struct {
	elapsed time.Duration
	counts  drops.ProxyCounts
}

// announce says what is to come.
func announce(w io.Writer, s *session) {
	_, _ = fmt.Fprintf(w, "ws://%s to %s, seed %d\n", s.clients.Addr(), s.cfg.To, s.cfg.Seed)
	if s.asking != nil {
		_, _ = fmt.Fprintf(w, "control: curl http://%s/\n", s.asking.Addr())
	}
}

// Phase implements terminal.View: there is one.
func (v view) Phase() string { return "" }

// Line implements terminal.View.
func (v view) Line() string {
	return fmt.Sprintf("%.0fs: %s", v.elapsed.Seconds(), strings.Join(slices.Concat(v.facts()...), ", "))
}

// Block implements terminal.View.
func (v view) Block() []string {
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

package terminal

import (
	"fmt"
	"io"
	"time"
)

// Redraw is how often a view is to be shown.
const Redraw = 200 * time.Millisecond

const interval = 2 * time.Second // between plain lines

// View is what there is to show at one moment.
type View interface {
	Phase() string   // a new one has a plain line at once
	Line() string    // off a terminal
	Block() []string // on one: as many lines each time
}

// Progress tells people how it goes: redrawn in place on a terminal, and
// otherwise as a line now and then. Where it can't be written it is lost. Made
// by [NewProgress]; it is for one goroutine.
type Progress struct {
	w     io.Writer
	live  *Live  // nil off a terminal
	phase string // of the last line
	last  time.Time
}

// NewProgress returns a Progress that tells w.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{w: w}
	if screen, ok := Of(w); ok {
		p.live = &Live{Screen: screen}
	}
	return p
}

// Show shows v, or leaves it out.
func (p *Progress) Show(v View) {
	switch {
	case p.live != nil:
		_ = p.live.Draw(v.Block()...)
	case p.last.IsZero() || p.phase != v.Phase() || time.Since(p.last) >= interval:
		p.phase, p.last = v.Phase(), time.Now()
		_, _ = fmt.Fprintln(p.w, v.Line())
	}
}

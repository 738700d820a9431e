package terminal_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/cmd/tether/terminal"
)

type view struct{ phase string }

func (v view) Phase() string { return v.phase }
func (v view) Line() string  { return "line of " + v.phase }
func (v view) Block() []string {
	return []string{"first of " + v.phase, "second"}
}

func TestProgressIsRedrawnInPlaceOnATerminal(t *testing.T) {
	out := screen{width: 100}
	p := terminal.NewProgress(&out)
	p.Show(view{"storm"})
	p.Show(view{"calm"})
	want := "\x1b[2Kfirst of storm\n\x1b[2Ksecond\n\x1b[J" + "\x1b[2A\x1b[2Kfirst of calm\n\x1b[2Ksecond\n\x1b[J"
	if out.String() != want {
		t.Errorf("drew %q, want %q", out.String(), want)
	}
}

func TestProgressIsALineNowAndThenOffATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := terminal.NewProgress(&out)
		for range 21 { // at 0 s, 200 ms, ... 4 s
			p.Show(view{"storm"})
			time.Sleep(terminal.Redraw)
		}
		p.Show(view{"calm"}) // which has a line at once
		p.Show(view{"calm"})
		want := "line of storm\nline of storm\nline of storm\nline of calm\n"
		if out.String() != want {
			t.Errorf("told %q, want %q", &out, want)
		}
	})
}

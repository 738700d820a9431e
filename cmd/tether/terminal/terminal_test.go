package terminal_test

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/tetherws/tether/cmd/tether/terminal"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type screen struct {
	bytes.Buffer
	width int
}

func (s *screen) Width() int { return s.width }

func TestOnlyATerminalIsAScreen(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	for _, w := range []io.Writer{file, write, &bytes.Buffer{}, io.Discard} {
		if _, ok := terminal.Of(w); ok {
			t.Errorf("%T was taken for a terminal", w)
		}
	}
	fake := &screen{width: 40}
	if s, ok := terminal.Of(fake); !ok || s.Width() != 40 {
		t.Errorf("a Screen was not taken for itself: %v, %v", s, ok)
	}
}

func TestLiveRedrawsInPlace(t *testing.T) {
	fake := &screen{width: 10}
	live := terminal.Live{Screen: fake}
	for _, lines := range [][]string{{"one", "two"}, {"three"}, {"four"}} {
		if err := live.Draw(lines...); err != nil {
			t.Fatal(err)
		}
	}
	want := "\x1b[2Kone\n\x1b[2Ktwo\n\x1b[J" +
		"\x1b[2A\x1b[2Kthree\n\x1b[J" +
		"\x1b[1A\x1b[2Kfour\n\x1b[J"
	if got := fake.String(); got != want {
		t.Errorf("drew %q, want %q", got, want)
	}
}

func TestLiveCutsWhatWouldWrap(t *testing.T) {
	fake := &screen{width: 10}
	live := terminal.Live{Screen: fake}
	if err := live.Draw(strings.Repeat("é", 30)); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(fake.String(), "é"); got != 9 {
		t.Errorf("drew %d characters on 10 columns, want 9", got)
	}
}

func TestADumbTerminalIsNoScreen(t *testing.T) {
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminal to open: ", err)
	}
	defer tty.Close()
	for kind, want := range map[string]bool{"xterm": true, "dumb": false} {
		t.Setenv("TERM", kind)
		if _, ok := terminal.Of(tty); ok != want {
			t.Errorf("TERM=%s: a screen %v, want %v", kind, ok, want)
		}
	}
	t.Setenv("TERM", "xterm")
	if s, _ := terminal.Of(tty); s.Width() != 80 {
		t.Errorf("%d columns where the width is unknown, want 80", s.Width())
	}
}

func TestColourOnlyWhereItShows(t *testing.T) {
	tests := []struct {
		name    string
		w       io.Writer
		noColor string
		want    string
	}{
		{"a terminal", &screen{}, "", "\x1b[31mx\x1b[0m"},
		{"NO_COLOR", &screen{}, "1", "x"},
		{"no terminal", &bytes.Buffer{}, "", "x"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", test.noColor)
			if got := terminal.Paint(test.w, terminal.Red, "x"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

package drop

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

type screen struct{ bytes.Buffer }

func (*screen) Width() int { return 100 }

func sample() view {
	return view{5 * time.Second, drops.ProxyCounts{
		Accepted: 9, Declined: 1, Failed: 2, Refused: 3, Live: 4, Closing: 5, Silenced: 6,
		Faults:     map[string]uint64{"silence": 6, "reset": 1},
		FromClient: drops.ProxyTraffic{Messages: 7},
		FromServer: drops.ProxyTraffic{Messages: 8},
	}}
}

func TestOnATerminalItIsRedrawnInPlace(t *testing.T) {
	var out screen
	p := newProgress(&out)
	p.show(sample())
	first := out.String()
	want := "\x1b[2K5 s\n" +
		"\x1b[2Klive 4   silenced 6   closing 5   accepted 9\n" +
		"\x1b[2Krefused 3   declined 1   failed 2\n" +
		"\x1b[2Kfaults: reset 1 silence 6\n" +
		"\x1b[2Kmessages up 7   down 8\n\x1b[J"
	if first != want {
		t.Errorf("drew %q, want %q", first, want)
	}
	p.show(sample())
	if again := out.String()[len(first):]; again != "\x1b[5A"+want {
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
		const line = "5s: live 4, silenced 6, closing 5, accepted 9, refused 3, declined 1, failed 2, faults: reset 1 silence 6, messages up 7, down 8\n"
		if want := strings.Repeat(line, 3); out.String() != want {
			t.Errorf("told %q, want %q", &out, want)
		}
	})
}

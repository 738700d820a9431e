package drop

import (
	"slices"
	"testing"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

func sample() view {
	return view{5 * time.Second, drops.ProxyCounts{
		Accepted: 9, Declined: 1, Failed: 2, Refused: 3, Live: 4, Closing: 5, Silenced: 6,
		Faults:     map[string]uint64{"silence": 6, "reset": 1},
		FromClient: drops.ProxyTraffic{Messages: 7},
		FromServer: drops.ProxyTraffic{Messages: 8},
	}}
}

func TestABlockIsDrawnOnATerminal(t *testing.T) {
	want := []string{
		"5 s",
		"live 4   silenced 6   closing 5   accepted 9",
		"refused 3   declined 1   failed 2",
		"faults: reset 1 silence 6",
		"messages up 7   down 8",
	}
	if got := sample().Block(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestALineIsToldOffATerminal(t *testing.T) {
	const want = "5s: live 4, silenced 6, closing 5, accepted 9, refused 3, declined 1, failed 2, faults: reset 1 silence 6, messages up 7, down 8"
	if got := sample().Line(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

package drops_test

import (
	"testing"

	"github.com/tetherws/tether/supervision/drops"
)

func TestStallFillsTheBuffersAndLosesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		if err := (drops.Stall{}).Inject(p.accepted); err != nil {
			t.Fatal(err)
		}
		total := fill(t, p.dialed)
		wantNothing(t, p.accepted)
		wantWrite(t, p.accepted, "writes work")
		wantRead(t, p.dialed, "writes work")
		p.accepted.Heal()
		wantRead(t, p.accepted, string(make([]byte, total)))
	})
}

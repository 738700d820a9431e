package demo

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tetherws/tether/supervision/drops"
)

func TestChaosStrikesWhateverIsWhole(t *testing.T) {
	within(t, func(t *testing.T, p place) {
		c := chaos{server: p.server, random: source(1)}
		for i := range 8 {
			c.ids = append(c.ids, fmt.Sprint(i))
			if i%2 == 0 { // the others never come
				p.connect(t, c.ids[i])
			}
		}
		for i := range 4 {
			if !c.strike() {
				t.Errorf("strike %d found no connection", i)
			}
		}
		if c.strike() {
			t.Error("a fifth of four connections was cut")
		}
	})
}

// drawn lists what a chaos of that seed draws, after so many strikes.
func drawn(c chaos, strikes, draws int) (all []string) {
	for range strikes {
		c.strike()
	}
	for range draws {
		d, start := c.draw()
		all = append(all, fmt.Sprintf("%#v at %d", d, start))
	}
	return all
}

func TestASeedRepeatsTheDropsWhateverIsWhole(t *testing.T) {
	within(t, func(t *testing.T, p place) {
		ids := []string{"a", "b", "c", "d"}
		want := drawn(chaos{p.server, ids, source(1)}, 0, 1000)
		if got := drawn(chaos{p.server, ids, source(1)}, 500, 500); !slices.Equal(got, want[500:]) {
			t.Error("without connections the same seed drew others")
		}
		for _, id := range ids {
			p.connect(t, id)
		}
		if got := drawn(chaos{p.server, ids, source(1)}, 500, 500); !slices.Equal(got, want[500:]) {
			t.Error("with connections the same seed drew others")
		}
		if other := drawn(chaos{p.server, ids, source(2)}, 0, 1000); slices.Equal(other, want) {
			t.Error("another seed drew the same")
		}
	})
}

func TestAllKindsAreDrawnAlike(t *testing.T) {
	const each = 1000
	c, count := chaos{ids: []string{"a"}, random: source(1)}, map[string]int{}
	for range each * len(kinds) {
		d, _ := c.draw()
		count[fmt.Sprintf("%T %t", d.fault, d.refuse)]++
	}
	if len(count) != len(kinds) {
		t.Errorf("%d kinds came, want %d: %v", len(count), len(kinds), count)
	}
	for kind, n := range count {
		if n < each*9/10 || n > each*11/10 {
			t.Errorf("%s came %d times, want about %d", kind, n, each)
		}
	}
}

func TestAllCloseCodesAreDrawn(t *testing.T) {
	random, came := source(1), map[int]bool{}
	for range 100 {
		came[closeCode(random).fault.(drops.CloseCode).Code] = true
	}
	if len(came) != len(closeCodes) {
		t.Errorf("came %v, want %v", came, closeCodes)
	}
}

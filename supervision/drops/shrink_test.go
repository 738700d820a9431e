package drops_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

// numbered returns a script of so many resets, of which each has its second.
func numbered(steps, connections int) drops.Script {
	s := drops.Script{Seed: 7, Connections: connections, Length: time.Hour}
	for i := range steps {
		s.Steps = append(s.Steps, drops.Step{At: time.Duration(i) * time.Second, Conn: i % connections, What: drops.Reset{}})
	}
	return s
}

// seconds are those of the script's steps.
func seconds(s drops.Script) map[int]bool {
	set := make(map[int]bool)
	for _, step := range s.Steps {
		set[int(step.At/time.Second)] = true
	}
	return set
}

func TestShrinkLeavesTheStepsThatMatter(t *testing.T) {
	cases := []struct {
		matter []int
		calls  int // at most
	}{
		{[]int{0}, 8}, {[]int{63}, 14}, {[]int{31, 32}, 71}, {[]int{0, 7, 63}, 86}, {[]int{5, 6, 8, 40, 41}, 132},
	}
	for _, c := range cases {
		s := numbered(64, 4)
		calls := 0
		got := drops.Shrink(s, func(s drops.Script) bool {
			calls++
			set := seconds(s)
			return !slices.ContainsFunc(c.matter, func(i int) bool { return !set[i] })
		})
		want := drops.Script{Seed: 7, Connections: 4, Length: time.Hour}
		for _, i := range c.matter {
			want.Steps = append(want.Steps, s.Steps[i])
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v; want %v", got, want)
		}
		if calls > c.calls {
			t.Errorf("%d calls to find %v; want %d", calls, c.matter, c.calls)
		}
		if !reflect.DeepEqual(s, numbered(64, 4)) {
			t.Errorf("the script itself was changed")
		}
	}
}

func TestShrinkTriesWholeConnectionsFirst(t *testing.T) {
	s := numbered(10_000, 10)
	calls := 0
	got := drops.Shrink(s, func(s drops.Script) bool {
		calls++
		return calls <= 9 && seconds(s)[4]
	})
	if len(got.Steps) != 1000 || seconds(got)[5] || !seconds(got)[4] {
		t.Errorf("%d steps after nine calls", len(got.Steps))
	}
}

func TestShrinkReturnsAScriptThatDoesNotFailAsItIs(t *testing.T) {
	s := numbered(3, 1)
	calls := 0
	got := drops.Shrink(s, func(drops.Script) bool { calls++; return false })
	if !reflect.DeepEqual(got, s) || calls != 1 {
		t.Errorf("%v after %d calls", got, calls)
	}
}

func TestShrinkLeavesNothingWhereNothingIsNeededToFail(t *testing.T) {
	got := drops.Shrink(numbered(30, 2), func(drops.Script) bool { return true })
	if want := numbered(0, 2); !reflect.DeepEqual(got, want) {
		t.Errorf("%v; want %v", got, want)
	}
}

// What fails need not fail with more steps: here each set of steps fails, or
// does not, by chance.
func TestShrunkScriptFailsAndWithoutAnyOneStepDoesNot(t *testing.T) {
	for seed := range uint64(300) {
		n := int(seed % 40)
		calls := 0
		fails := func(s drops.Script) bool {
			calls++
			key := seed
			for i := range seconds(s) {
				key ^= rand.New(rand.NewPCG(seed, uint64(i))).Uint64()
			}
			return len(s.Steps) == n || len(s.Steps) > 0 && rand.New(rand.NewPCG(key, 1)).IntN(10) < 3
		}
		s := numbered(n, 1+n/5)
		got := drops.Shrink(s, fails)
		if bound := 2 * (n + 3) * (n + 3); calls > bound {
			t.Errorf("%d calls for %d steps; at most %d", calls, n, bound)
		}
		if !fails(got) {
			t.Errorf("%v does not fail", got)
		}
		for i := range got.Steps {
			less := got
			less.Steps = slices.Delete(slices.Clone(got.Steps), i, i+1)
			if fails(less) {
				t.Errorf("seed %d: step %d of %v is not needed", seed, i+1, got)
			}
		}
		if again := drops.Shrink(s, fails); !reflect.DeepEqual(again, got) {
			t.Errorf("%v, and again %v", got, again)
		}
	}
}

func TestShrinkBearsTheWorstCase(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 16, 17, 33, 64, 65} {
		for _, connections := range []int{1, n} {
			s := numbered(n, connections)
			calls := 0
			drops.Shrink(s, func(s drops.Script) bool {
				calls++
				// The last step goes first, then the one before it, down to the first.
				return len(s.Steps) > 0 && reflect.DeepEqual(s.Steps, numbered(len(s.Steps), connections).Steps)
			})
			if bound := 2 * (n + 3) * (n + 3); calls > bound {
				t.Errorf("%d calls for %d steps on %d connections; at most %d", calls, n, connections, bound)
			}
		}
	}
}

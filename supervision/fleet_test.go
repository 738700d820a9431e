package supervision_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/supervision"
)

// fleet is a governor in virtual time, with a note of each grant.
type fleet struct {
	*supervision.Governor
	t     *testing.T
	start time.Time

	mu       sync.Mutex
	grants   []grant
	permits  []*supervision.Permit // those that dial left under way
	underWay map[string]int
	most     map[string]int // the most under way since the last look
}

type grant struct {
	name string
	pool string
	at   time.Duration // from the start
}

// wide is a rate that sets no spacing.
const wide = 1e9

func withFleet(t *testing.T, l supervision.Limits, test func(*testing.T, *fleet)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{Governor: supervision.NewGovernor(l), t: t, start: time.Now(), underWay: map[string]int{}, most: map[string]int{}}
		test(t, f)
		f.Close()
		synctest.Wait()
	})
}

// dial enqueues one dial that takes that long and has the outcome of its end.
func (f *fleet) dial(pool, name string, takes time.Duration, outcome func() supervision.Outcome) *supervision.Ticket {
	return f.Enqueue(pool, func(p *supervision.Permit) {
		f.begin(pool, name)
		time.Sleep(takes)
		f.mu.Lock()
		f.underWay[pool]--
		f.mu.Unlock()
		p.Done(outcome())
	})
}

// keep enqueues one dial that stays under way.
func (f *fleet) keep(pool, name string) *supervision.Ticket {
	return f.Enqueue(pool, func(p *supervision.Permit) {
		f.begin(pool, name)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.permits = append(f.permits, p)
	})
}

func (f *fleet) begin(pool, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.grants = append(f.grants, grant{name, pool, time.Since(f.start)})
	f.underWay[pool]++
	f.most[pool] = max(f.most[pool], f.underWay[pool])
}

// of returns the grants of a pool so far; "" is all.
func (f *fleet) of(pool string) (found []grant) {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range f.grants {
		if pool == "" || g.pool == pool {
			found = append(found, g)
		}
	}
	return found
}

// peak returns the most dials of a pool that were under way at a time, since
// the last call.
func (f *fleet) peak(pool string) (most int) {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	most, f.most[pool] = f.most[pool], f.underWay[pool]
	return most
}

// kept returns the permits of keep so far, the oldest first.
func (f *fleet) kept() []*supervision.Permit {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.permits)
}

// wants asserts who was granted so far, in any order inside an instant.
func (f *fleet) wants(want ...grant) {
	f.t.Helper()
	got := f.of("")
	if len(got) != len(want) {
		f.t.Fatalf("grants %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			f.t.Errorf("grant %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func answered() supervision.Outcome { return supervision.Answered }
func failed() supervision.Outcome   { return supervision.Failed }
func ours() supervision.Outcome     { return supervision.OursFailed }

// mostInASecond returns the most grants in any window of one second.
func mostInASecond(grants []grant) (most int) {
	first := 0
	for i, g := range grants {
		for g.at-grants[first].at >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func name(n int) string { return fmt.Sprint(n) }

package supervision_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

func TestAThousandAtOnceGoInOrderEvenlySpaced(t *testing.T) {
	withFleet(t, supervision.Limits{}, func(t *testing.T, f *fleet) {
		for n := range 1000 {
			f.dial("a", name(n), 0, answered)
		}
		time.Sleep(999*4*time.Millisecond - 1)
		if got := f.Waiting(); got != 1 {
			t.Errorf("%d wait just before the last grant", got)
		}
		time.Sleep(1)
		grants := f.of("a")
		for n, g := range grants {
			if want := (grant{name(n), "a", time.Duration(n) * 4 * time.Millisecond}); g != want {
				t.Fatalf("grant %d is %v, want %v", n, g, want)
			}
		}
		if len(grants) != 1000 || f.Waiting() != 0 {
			t.Errorf("%d granted, %d left", len(grants), f.Waiting())
		}
	})
}

func TestNoSecondHoldsMoreThanTheBounds(t *testing.T) {
	l := supervision.Limits{PerSecond: 7, PoolPerSecond: 3}
	withFleet(t, l, func(t *testing.T, f *fleet) {
		for n := range 300 {
			f.dial(name(n%4), name(n), 0, answered)
		}
		time.Sleep(time.Hour)
		if got := len(f.of("")); got != 300 {
			t.Errorf("%d granted", got)
		}
		if got := mostInASecond(f.of("")); got != 7 {
			t.Errorf("%d in one second, of all", got)
		}
		for pool := range 4 {
			if got := mostInASecond(f.of(name(pool))); got > 3 {
				t.Errorf("%d in one second, of pool %d", got, pool)
			}
		}
	})
}

func TestSpacingOutlivesTheQueue(t *testing.T) {
	withFleet(t, supervision.Limits{}, func(t *testing.T, f *fleet) {
		for n := range 3 {
			f.dial("a", name(n), 0, answered)
			synctest.Wait()
		}
		time.Sleep(time.Second)
		f.wants(grant{"0", "a", 0}, grant{"1", "a", 4 * time.Millisecond}, grant{"2", "a", 8 * time.Millisecond})
	})
}

func TestPoolsTakeTurns(t *testing.T) {
	l := supervision.Limits{PerSecond: 10, PoolPerSecond: wide}
	withFleet(t, l, func(t *testing.T, f *fleet) {
		for n := range 1000 {
			f.dial("herd", name(n), 0, answered)
		}
		for n := range 2 {
			f.dial("b", name(n), 0, answered)
			f.dial("c", name(n), 0, answered)
		}
		time.Sleep(550 * time.Millisecond)
		const tenth = 100 * time.Millisecond
		f.wants(grant{"0", "herd", 0}, grant{"1", "herd", tenth}, grant{"0", "b", 2 * tenth}, grant{"0", "c", 3 * tenth},
			grant{"2", "herd", 4 * tenth}, grant{"1", "b", 5 * tenth})
	})
}

func TestDialsUnderWayAreBounded(t *testing.T) {
	l := supervision.Limits{Concurrent: 5, PoolConcurrent: 3, PerSecond: wide, PoolPerSecond: wide}
	withFleet(t, l, func(t *testing.T, f *fleet) {
		for n := range 10 {
			f.keep("a", name(n))
		}
		for n := range 10 {
			f.keep("b", name(n))
		}
		counts := func(a, b int) {
			t.Helper()
			time.Sleep(time.Hour)
			if got := [2]int{len(f.of("a")), len(f.of("b"))}; got != [2]int{a, b} {
				t.Errorf("granted %v, want %v", got, [2]int{a, b})
			}
		}
		counts(3, 2)
		for _, p := range f.kept() {
			p.Done(supervision.Answered)
			p.Done(supervision.Answered) // says nothing new
		}
		time.Sleep(time.Hour)
		if got := len(f.of("")); got != 10 {
			t.Errorf("%d granted after five were done", got)
		}
	})
}

func TestAWideOpenGovernorGrantsAtOnce(t *testing.T) {
	l := supervision.Limits{Concurrent: 1e6, PoolConcurrent: 1e6, PerSecond: wide, PoolPerSecond: math.Inf(1)}
	withFleet(t, l, func(t *testing.T, f *fleet) {
		for n := range 1000 {
			f.keep("a", name(n))
		}
		if got := len(f.of("")); got != 1000 {
			t.Errorf("%d granted", got)
		}
	})
}

func TestADeadPoolIsProbedByFewAndComesBackAtTheRate(t *testing.T) {
	withFleet(t, supervision.Limits{}, func(t *testing.T, f *fleet) {
		const timeout, outage = 5 * time.Second, time.Minute
		dial := func() supervision.Outcome {
			if time.Since(f.start) < outage {
				return supervision.Failed
			}
			return supervision.Answered
		}
		for n := range 500 {
			f.dial("a", name(n), timeout, dial)
		}
		time.Sleep(2*timeout + time.Second) // all that were under way when it died have failed
		before := len(f.of("a"))
		f.peak("a")
		if before > 64+9+2 { // nine more fill the places of the first nine failures
			t.Errorf("%d dials until it was found dead", before)
		}
		time.Sleep(outage - time.Since(f.start) - 1)
		probes := f.of("a")[before:]
		if most := f.peak("a"); most != 2 || len(probes) < 16 || len(probes) > 20 {
			t.Errorf("%d probes, %d at a time", len(probes), most)
		}
		for i, p := range probes[1:] {
			if apart := p.at - probes[i].at; apart < time.Second {
				t.Errorf("probes %v apart", apart)
			}
		}
		time.Sleep(time.Hour)
		rest := f.of("a")[before+len(probes):]
		if len(rest) != 500-before-len(probes) {
			t.Fatalf("%d of the rest granted", len(rest))
		}
		for i, g := range rest[1:] {
			if apart := g.at - rest[i].at; apart < 4*time.Millisecond {
				t.Fatalf("back in step, %v apart", apart)
			}
		}
		if last := rest[len(rest)-1].at; last > outage+60*time.Second {
			t.Errorf("all back after %v", last)
		}
	})
}

func TestADeadPoolHoldsUpNoOther(t *testing.T) {
	withFleet(t, supervision.Limits{DeadAfter: 3}, func(t *testing.T, f *fleet) {
		for n := range 200 {
			f.dial("down", name(n), 0, failed)
		}
		time.Sleep(time.Minute)
		since := time.Since(f.start)
		for n := range 100 {
			f.dial("up", name(n), 0, answered)
		}
		time.Sleep(time.Second)
		for n, g := range f.of("up") {
			// A probe may come between: it costs one place in the spacing of all.
			if late := g.at - since - time.Duration(n)*4*time.Millisecond; late < 0 || late > 2*time.Millisecond {
				t.Fatalf("grant %d of the live pool at %v", n, g.at-since)
			}
		}
		if up, down := len(f.of("up")), len(f.of("down")); up != 100 || down > 3+62 {
			t.Errorf("%d granted to the live pool, %d to the dead one", up, down)
		}
	})
}

func TestFailuresOfOursCountAgainstNoPool(t *testing.T) {
	l := supervision.Limits{DeadAfter: 3}
	run := func(want time.Duration, outcomes ...func() supervision.Outcome) {
		t.Helper()
		withFleet(t, l, func(t *testing.T, f *fleet) {
			for n, o := range outcomes {
				f.dial("a", name(n), 0, o)
			}
			f.dial("a", "last", 0, answered)
			time.Sleep(time.Hour)
			grants := f.of("a")
			if got := grants[len(grants)-1]; got != (grant{"last", "a", want}) {
				t.Errorf("last grant %v, want it at %v", got, want)
			}
		})
	}
	const apart = 4 * time.Millisecond
	run(5*apart, ours, ours, ours, ours, ours)
	run(3*apart, failed, failed, ours)
	run(3*apart+time.Second, failed, failed, ours, failed)
	run(4*apart, failed, failed, answered, failed)
}

func TestHoldKeepsThePoolAway(t *testing.T) {
	withFleet(t, supervision.Limits{}, func(t *testing.T, f *fleet) {
		f.dial("a", "before", 0, answered)
		for n := range 3 {
			f.dial("a", name(n), 0, answered)
		}
		f.Hold("a", 10*time.Second)
		f.Hold("a", 3*time.Second)
		f.Hold("a", -time.Second)
		f.Hold("new", 2*time.Second)
		f.dial("new", "held", 0, answered)
		time.Sleep(time.Second)
		f.dial("b", "free", 0, answered)
		time.Sleep(time.Minute)
		f.wants(grant{"before", "a", 0}, grant{"free", "b", time.Second}, grant{"held", "new", 2 * time.Second},
			grant{"0", "a", 10 * time.Second}, grant{"1", "a", 10004 * time.Millisecond}, grant{"2", "a", 10008 * time.Millisecond})
	})
}

func TestHoldTakesAPoolOutOfTheLine(t *testing.T) {
	l := supervision.Limits{Concurrent: 1, PerSecond: wide, PoolPerSecond: wide}
	withFleet(t, l, func(t *testing.T, f *fleet) {
		f.dial("a", "0", time.Second, answered)
		f.dial("b", "1", 0, answered) // due, but there is no room
		f.Hold("b", 5*time.Second)
		time.Sleep(time.Minute)
		f.wants(grant{"0", "a", 0}, grant{"1", "b", 5 * time.Second})
	})
}

func TestCancel(t *testing.T) {
	withFleet(t, supervision.Limits{}, func(t *testing.T, f *fleet) {
		var tickets []*supervision.Ticket
		for n := range 5 {
			tickets = append(tickets, f.dial("a", name(n), 0, answered))
		}
		for range 2 {
			if tickets[0].Cancel() {
				t.Error("the one that was granted says it will never run")
			}
			if !tickets[1].Cancel() || !tickets[3].Cancel() || !tickets[4].Cancel() {
				t.Error("one that waits says it may run")
			}
		}
		if got := f.Waiting(); got != 1 {
			t.Errorf("%d wait", got)
		}
		time.Sleep(time.Minute)
		f.wants(grant{"0", "a", 0}, grant{"2", "a", 4 * time.Millisecond})
		if tickets[2].Cancel() {
			t.Error("cancelled after its grant")
		}
	})
}

func TestCloseCancelsAll(t *testing.T) {
	withFleet(t, supervision.Limits{}, func(t *testing.T, f *fleet) {
		first := f.keep("a", "0")
		second := f.keep("a", "1")
		f.Hold("b", time.Second)
		third := f.keep("b", "2")
		permits := f.kept()
		f.Close()
		f.Close()
		late := f.keep("c", "3")
		f.Hold("c", time.Second)
		permits[0].Done(supervision.Answered)
		time.Sleep(time.Hour)
		f.wants(grant{"0", "a", 0})
		if first.Cancel() || !second.Cancel() || !third.Cancel() || !late.Cancel() || f.Waiting() != 0 {
			t.Error("wrong word about who will run")
		}
	})
}

func TestIdlePoolsAreForgotten(t *testing.T) {
	withFleet(t, supervision.Limits{}, func(t *testing.T, f *fleet) {
		remembers := func(after time.Duration, want int) {
			t.Helper()
			time.Sleep(after)
			f.dial("other", "", 0, answered)
			synctest.Wait()
			if got := f.Pools() - 1; got != want {
				t.Errorf("%d pools remembered, want %d", got, want)
			}
		}
		for n := range 100 {
			f.dial(name(n), "", 0, answered)
			f.dial("cancelled", "", 0, answered).Cancel()
		}
		remembers(time.Second, 0)
		f.dial("failed", "", 0, failed)
		f.Hold("held", 2*time.Minute)
		remembers(59*time.Second, 2)
		remembers(2*time.Second, 1)
		remembers(time.Minute, 0)
	})
}

func TestLimitsNameEveryBadField(t *testing.T) {
	err := supervision.Limits{
		Concurrent: -1, PerSecond: math.NaN(), PoolConcurrent: -1, PoolPerSecond: -1, Probes: -1, ProbesPerSecond: -1, DeadAfter: -1,
	}.Validate()
	if !errors.Is(err, messages.ErrInvalid) {
		t.Fatalf("%v does not match ErrInvalid", err)
	}
	for _, field := range []string{"Concurrent", "PerSecond", "PoolConcurrent", "PoolPerSecond", "Probes", "ProbesPerSecond", "DeadAfter"} {
		if !strings.Contains(err.Error(), "invalid: "+field+" is ") {
			t.Errorf("%s is not named in:\n%v", field, err)
		}
	}
	if err := (supervision.Limits{}).Validate(); err != nil {
		t.Error(err)
	}
}

// Each byte is a step: dial, cancel, end a dial, hold, or let time pass.
func FuzzGovernor(f *testing.F) {
	f.Add([]byte("the quick brown fox jumps over the lazy dog"))
	f.Add([]byte{0, 0, 0, 8, 16, 2, 2, 10, 18, 4, 0, 0, 5, 3, 1, 9, 0, 8, 0, 7, 7})
	l := supervision.Limits{Concurrent: 4, PerSecond: 100, PoolConcurrent: 3, PoolPerSecond: 40, Probes: 1, DeadAfter: 3}
	f.Fuzz(func(t *testing.T, steps []byte) {
		withFleet(t, l, func(t *testing.T, f *fleet) { fumble(t, f, steps[:min(len(steps), 200)]) })
	})
}

func fumble(t *testing.T, f *fleet, steps []byte) {
	var tickets []*supervision.Ticket
	ended, cancelled := 0, 0
	end := func(o supervision.Outcome) {
		if permits := f.kept(); ended < len(permits) {
			permits[ended].Done(o)
			ended++
		}
	}
	for i, b := range steps {
		pool, arg := name(int(b>>3)%3), int(b>>3)
		switch b % 8 {
		case 0, 1:
			tickets = append(tickets, f.keep(pool, name(i)))
		case 2, 3, 4:
			end(supervision.Outcome(arg % 3))
		case 5:
			if len(tickets) > 0 {
				tickets[arg%len(tickets)].Cancel()
			}
		case 6:
			f.Hold(pool, time.Duration(arg)*time.Millisecond)
		case 7:
			time.Sleep(time.Duration(arg) * 3 * time.Millisecond)
		}
		if got := len(f.kept()) - ended; got > 4 {
			t.Fatalf("%d under way", got)
		}
	}
	for range tickets {
		time.Sleep(2 * time.Second)
		for ended < len(f.kept()) {
			end(supervision.Answered)
		}
	}
	for _, ticket := range tickets {
		if ticket.Cancel() {
			cancelled++
		}
	}
	if f.Waiting() != 0 || ended+cancelled != len(tickets) {
		t.Fatalf("%d tickets, %d granted, %d cancelled", len(tickets), ended, cancelled)
	}
	for pool, bound := range map[string]int{"": 100, "0": 40, "1": 40, "2": 40} {
		if got := mostInASecond(f.of(pool)); got > bound {
			t.Errorf("%d in one second, of pool %q", got, pool)
		}
	}
}

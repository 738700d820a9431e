package drops_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// dialOf is a dial of connection n.
func dialOf(at time.Duration, n int) seen { return seen{at, drops.Dialed{Conn: n, Socket: 1}} }

// moveOf is a transition of connection n.
func moveOf(at time.Duration, n int, from, to messages.State) seen {
	return seen{at, drops.Told{Conn: n, Event: messages.EventTransition{
		Transition: messages.Transition{At: epoch.Add(at), From: from, To: to},
	}}}
}

func TestGovernorHeldByTheRate(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		perSecond float64
		apart     time.Duration
	}{{0, 4 * ms}, {1000, ms}, {3, 333_333_334}, {1_000_000, time.Microsecond}, {1_100_000, 0}} {
		t.Run(fmt.Sprint(c.perSecond), func(t *testing.T) {
			late := []story{{name: "just", seen: then(dialOf(0, 0), dialOf(c.apart, 1), dialOf(2*c.apart, 0))}}
			if c.apart > 0 {
				late = append(late, story{
					name:   "a nanosecond early",
					seen:   then(dialOf(ms, 1), dialOf(ms+c.apart-1, 2)),
					breaks: fmt.Sprintf("connection 2: dialed at %v, %v after connection 1 and not %v", ms+c.apart-1, c.apart-1, c.apart),
				})
			}
			judges(t, func() drops.Invariant { return drops.GovernorHeld(drops.Expect{PerSecond: c.perSecond}) }, late)
		})
	}
}

func TestGovernorHeldByTheDialsUnderWay(t *testing.T) {
	const s = time.Second
	two := then(dialOf(s, 1), dialOf(2*s, 2))
	crowd := "connection 3: its dial at 3s made 3 that were under way, of at most 2"
	judges(t, func() drops.Invariant { return drops.GovernorHeld(drops.Expect{Concurrent: 2}) }, []story{
		{name: "one is over", seen: then(two, moveOf(2*s, 1, messages.Connecting, messages.Open), dialOf(3*s, 3), later(4*s))},
		{name: "one is over at that instant", seen: then(two, dialOf(3*s, 3), moveOf(3*s, 1, messages.Connecting, messages.Backoff), later(4*s))},
		{name: "one dials again, and is counted once", seen: then(two, dialOf(3*s, 2), later(4*s))},
		{name: "a dial that is seen after the end of its connection", seen: then(moveOf(0, 4, messages.Connecting, messages.Closed), dialOf(0, 4), two, later(4*s))},
		{name: "a dial that is seen before its Connecting", seen: then(two, moveOf(2*s, 2, messages.Backoff, messages.Connecting), dialOf(3*s, 3), later(4*s)), breaks: crowd},
		{name: "one that dials again is counted again", seen: then(two, moveOf(2*s, 1, messages.Connecting, messages.Backoff), dialOf(3*s, 3), dialOf(4*s, 1), later(5*s)),
			breaks: "connection 1: its dial at 4s made 3 that were under way, of at most 2"},
		{name: "one too many", seen: then(two, dialOf(3*s, 3), moveOf(3*s+1, 1, messages.Connecting, messages.Open)), breaks: crowd},
		{name: "one too many, at the very end", seen: then(two, dialOf(3*s, 3), over(3*s)), breaks: crowd},
		{
			name: "another's transition ends no dial",
			seen: then(two, moveOf(2*s, 5, messages.Connecting, messages.Open), moveOf(2*s, 1, messages.Open, messages.Backoff), dialOf(3*s, 3), over(3*s)), breaks: crowd,
		},
	})
}

func TestGovernorHeldByDefaultToAPool(t *testing.T) {
	var dials []seen
	for n := range 65 {
		dials = append(dials, dialOf(time.Duration(n)*time.Second, n))
	}
	judges(t, func() drops.Invariant { return drops.GovernorHeld(drops.Expect{}) }, []story{
		{name: "64 dials", seen: then(dials[:64], later(time.Hour))},
		{name: "65 dials", seen: then(dials, later(time.Hour)), breaks: "connection 64: its dial at 1m4s made 65 that were under way, of at most 64"},
	})
}

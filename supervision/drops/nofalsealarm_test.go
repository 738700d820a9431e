package drops_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// jam is a fault that this package does not know.
type jam struct{}

func (jam) Inject(*drops.Conn) error { return nil }
func (jam) String() string           { return "jam" }

func TestNoFalseAlarm(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		what    drops.Happening
		excuses bool
	}{
		{drops.Silence{}, true},
		{drops.Stall{}, true},
		{drops.Pongs{}, true},
		{drops.Pongs{Late: 10 * s}, true},
		{drops.Pongs{Late: 10*s - 1}, false},
		{drops.Slow{Latency: 6 * s, Jitter: 4 * s}, true},
		{drops.Slow{Latency: 6 * s, Jitter: 4*s - 1}, false},
		{drops.Slow{Bandwidth: 1}, true},
		{jam{}, true},
		{drops.Reset{}, false},
		{drops.FIN{}, false},
		{drops.Torn{}, false},
		{drops.CloseCode{}, false},
		{drops.Garbage{}, false},
		{drops.BadUTF8{}, false},
		{drops.Oversized{}, false},
		{drops.Unasked{}, false},
		{drops.Bytewise{}, false},
		{drops.HangUp{}, false},
	} {
		t.Run(fmt.Sprintf("%T%+v", c.what, c.what), func(t *testing.T) {
			alarm := ""
			if !c.excuses {
				alarm = `connection 7: socket 1, open since 0s, was given up at 9s for "heartbeat timed out", and nothing had silenced it`
			}
			judges(t, func() drops.Invariant { return drops.NoFalseAlarm(drops.Expect{}) }, []story{{
				name:   "given up",
				seen:   then(dials, struck(s, 1, c.what), falls(9*s, messages.Open, messages.Backoff, messages.ErrHeartbeatTimeout)),
				breaks: alarm,
			}})
		})
	}
}

func TestNoFalseAlarmAboutTheTimeAndTheSocket(t *testing.T) {
	const s = time.Second
	silent := then(dials, struck(s, 1, drops.Silence{}))
	alarm := func(at time.Duration) seen {
		return falls(at, messages.Open, messages.Parked, fmt.Errorf("%w: really", messages.ErrUnconfirmed))
	}
	again := then(goes(3*s, messages.Backoff, messages.Connecting), dialed(3*s, 2), goes(3*s, messages.Connecting, messages.Open))
	what := func(socket int, opened, at string) string {
		return fmt.Sprintf("connection 7: socket %d, open since %s, was given up at %s for %q, and nothing had silenced it",
			socket, opened, at, "not confirmed by the peer: really")
	}
	judges(t, func() drops.Invariant { return drops.NoFalseAlarm(drops.Expect{}) }, []story{
		{name: "in the silence", seen: then(silent, alarm(99*s))},
		{name: "within the timeout after it", seen: then(silent, healed(2*s, 1), alarm(12*s))},
		{name: "within the timeout after it, and after another fault", seen: then(silent, struck(2*s, 1, drops.Unasked{}), healed(9*s, 1), alarm(12*s))},
		{name: "other causes", seen: then(dials, falls(s, messages.Open, messages.Backoff, syscall.ECONNRESET),
			falls(2*s, messages.Connecting, messages.Backoff, messages.ErrHeartbeatTimeout))},
		{name: "for nothing", seen: then(dials, alarm(9*s)), breaks: what(1, "0s", "9s")},
		{name: "a nanosecond too late", seen: then(silent, healed(2*s, 1), alarm(12*s+1)), breaks: what(1, "0s", "12.000000001s")},
		{name: "of another socket", seen: then(silent, alarm(2*s), again, alarm(4*s)), breaks: what(2, "3s", "4s")},
		{name: "by a fault of an old socket", seen: then(dials, goes(2*s, messages.Open, messages.Backoff), again, struck(4*s, 1, drops.Silence{}), alarm(5*s)), breaks: what(2, "3s", "5s")},
		{name: "healed at an old socket", seen: then(silent, healed(2*s, 9), alarm(99*s))},
		{name: "by a fault without effect", seen: then(dials, seen{s, drops.Struck{
			Step: drops.Step{Conn: conn, What: drops.Silence{}}, Socket: 1, Err: context.Canceled,
		}}, alarm(2*s)), breaks: what(1, "0s", "2s")},
	})
	judges(t, func() drops.Invariant { return drops.NoFalseAlarm(drops.Expect{Timeout: s}) }, []story{
		{name: "as configured", seen: then(silent, healed(2*s, 1), alarm(3*s+1)), breaks: what(1, "0s", "3.000000001s")},
	})
}

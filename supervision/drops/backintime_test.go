package drops_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func calm(at time.Duration) seen { return seen{at, drops.Calm{}} }

func due(at time.Duration) seen { return seen{at, drops.Due{}} }

// begun is the connection and three others that begin.
var begun = then(seen{0, drops.Began{Conn: conn}}, seen{0, drops.Began{Conn: 1}}, seen{0, drops.Began{Conn: 2}}, seen{0, drops.Began{Conn: 3}})

// queue is what they may wait for the governor: a dial that is stuck, a probe,
// and four turns.
const queue = 10*time.Second + time.Second + 4*4*time.Millisecond

func TestBackInTime(t *testing.T) {
	const s = time.Second
	waits := func(state messages.State, delay time.Duration, cause ...error) []seen {
		return then(begun, attempt(s, messages.Connecting, state, 1, delay, cause...))
	}
	away := func(state messages.State, since, by time.Duration) string {
		return fmt.Sprintf("connection 7: %v since %v, and had to be open by %v; calm since 2s", state, since, by)
	}
	back := func(at time.Duration) []seen {
		return then(attempt(at, messages.Backoff, messages.Connecting, 1, 0), attempt(at, messages.Connecting, messages.Open, 1, 0))
	}
	unavailable := &messages.HandshakeError{Status: 503, RetryAfter: 40 * s}
	judges(t, func() drops.Invariant { return drops.BackInTime(drops.Expect{}) }, []story{
		{name: "from Backoff, at the last nanosecond", seen: then(waits(messages.Backoff, 9*s), calm(2*s), back(10*s+queue), later(time.Hour))},
		{
			name: "from Backoff, a nanosecond late", seen: then(waits(messages.Backoff, 9*s), calm(2*s), back(10*s+queue+1)),
			breaks: away(messages.Backoff, s, 10*s+queue),
		},
		{
			name:   "in the queue for too long",
			seen:   then(waits(messages.Backoff, 9*s), calm(2*s), attempt(10*s, messages.Backoff, messages.Connecting, 1, 0), later(10*s+queue), later(10*s+queue+1)),
			breaks: away(messages.Connecting, 10*s, 10*s+queue),
		},
		{
			name: "from the queue, at the calm", seen: then(begun, attempt(s, messages.Backoff, messages.Connecting, 1, 0), calm(2*s), later(2*s+queue+1)),
			breaks: away(messages.Connecting, s, 2*s+queue),
		},
		{
			name: "from Parked", seen: then(waits(messages.Parked, 300*s), calm(2*s), later(301*s+queue), later(301*s+queue+1)),
			breaks: away(messages.Parked, s, 301*s+queue),
		},
		{
			name: "from Parked, by a Retry", seen: then(waits(messages.Parked, 300*s), calm(2*s), retried(5*s, nil), later(5*s+queue), later(5*s+queue+1)),
			breaks: away(messages.Parked, s, 5*s+queue),
		},
		{
			name: "from Parked, by a Retry that is seen after it",
			seen: then(waits(messages.Parked, 300*s), calm(2*s), attempt(5*s, messages.Parked, messages.Connecting, 1, 0), retried(5*s, nil),
				later(5*s+queue), later(5*s+queue+1)),
			breaks: away(messages.Connecting, 5*s, 5*s+queue),
		},
		{
			name: "from Parked, by a Retry that failed", seen: then(waits(messages.Parked, 300*s), calm(2*s), retried(5*s, messages.ErrShutdown), later(300*s)),
		},
		{
			name: "where all were asked to stay away", seen: then(waits(messages.Backoff, 9*s, unavailable), calm(2*s), later(41*s+queue), later(41*s+queue+1)),
			breaks: away(messages.Backoff, s, 41*s+queue),
		},
		{
			name:   "where one was asked to stay away",
			seen:   then(waits(messages.Backoff, 9*s, &messages.HandshakeError{Status: 429, RetryAfter: 40 * s}), calm(2*s), later(10*s+queue+1)),
			breaks: away(messages.Backoff, s, 10*s+queue),
		},
		{name: "before the calm nobody has to be", seen: then(waits(messages.Backoff, 9*s), later(time.Hour))},
		{name: "one that is being closed need not", seen: then(waits(messages.Backoff, 9*s), closing(2*s), calm(2*s), later(time.Hour), due(time.Hour))},
		{name: "one that is closed after the calm need not", seen: then(waits(messages.Backoff, 9*s), calm(2*s), closing(3*s), later(time.Hour), due(time.Hour))},
		{
			name: "one that has closed need not",
			seen: then(waits(messages.Backoff, 9*s), calm(2*s), attempt(3*s, messages.Backoff, messages.Closed, 1, 0), later(time.Hour), due(time.Hour)),
		},
		{name: "at the shutdown none need be", seen: then(waits(messages.Backoff, 9*s), calm(2*s), seen{3 * s, drops.Ending{}}, retried(3*s, nil), later(time.Hour))},
		{name: "Due, with all back", seen: then(waits(messages.Backoff, 9*s), calm(2*s), back(10*s), due(11*s))},
		{name: "Due, with one that is parked", seen: then(waits(messages.Parked, 300*s), calm(2*s), due(11*s)), breaks: away(messages.Parked, s, 11*s)},
		{name: "Due, with one away", seen: then(waits(messages.Backoff, 9*s), calm(2*s), due(9*s)), breaks: away(messages.Backoff, s, 9*s)},
		{
			name: "Due, with one in the queue", seen: then(begun, attempt(s, messages.Backoff, messages.Connecting, 1, 0), calm(2*s), due(9*s)),
			breaks: away(messages.Connecting, s, 9*s),
		},
	})
	judges(t, func() drops.Invariant { return drops.BackInTime(drops.Expect{HandshakeTimeout: s, PerSecond: 1}) }, []story{
		{
			name: "as configured", seen: then(waits(messages.Backoff, 9*s), calm(2*s), later(16*s), later(16*s+1)),
			breaks: away(messages.Backoff, s, 16*s),
		},
	})
}

func TestNoneIsLostOnceCalm(t *testing.T) {
	const s = time.Second
	open := then(begun, dialed(0, 1), attempt(0, messages.Connecting, messages.Open, 0, 0))
	drop := func(at time.Duration, cause error) seen {
		return attempt(at, messages.Open, messages.Backoff, 1, 0, cause)
	}
	lost := func(from messages.State, at string, cause error) string {
		return fmt.Sprintf("connection 7: from %v to backoff at %s for %q, calm since 2s", from, at, cause)
	}
	judges(t, func() drops.Invariant { return drops.BackInTime(drops.Expect{}) }, []story{
		{name: "cut at the very instant", seen: then(open, calm(2*s), drop(2*s, syscall.ECONNRESET))},
		{name: "silenced before, and found", seen: then(open, calm(2*s), drop(37*s, messages.ErrHeartbeatTimeout))},
		{
			name: "silenced, and not back", seen: then(open, calm(2*s), drop(37*s, messages.ErrHeartbeatTimeout), later(37*s+queue), later(37*s+queue+1)),
			breaks: fmt.Sprintf("connection 7: backoff since 37s, and had to be open by %v; calm since 2s", 37*s+queue),
		},
		{name: "a dial that was begun before fails", seen: then(begun, dialed(2*s, 1), calm(2*s), attempt(12*s, messages.Connecting, messages.Backoff, 1, 0))},
		{name: "cut", seen: then(open, calm(2*s), drop(2*s+1, syscall.ECONNRESET)), breaks: lost(messages.Open, "2.000000001s", syscall.ECONNRESET)},
		{
			name: "silenced, and found a nanosecond late", seen: then(open, calm(2*s), drop(37*s+1, messages.ErrUnconfirmed)),
			breaks: lost(messages.Open, "37.000000001s", messages.ErrUnconfirmed),
		},
		{
			name: "a dial that is begun later fails", seen: then(begun, calm(2*s), dialed(2*s+1, 1), attempt(3*s, messages.Connecting, messages.Backoff, 1, 0)),
			breaks: lost(messages.Connecting, "3s", syscall.ECONNRESET),
		},
		{
			name: "parked", seen: then(open, calm(2*s), attempt(3*s, messages.Open, messages.Parked, 1, 0)),
			breaks: `connection 7: from open to parked at 3s for "connection reset by peer", calm since 2s`,
		},
	})
	judges(t, func() drops.Invariant { return drops.BackInTime(drops.Expect{Idle: s, Timeout: 3 * s}) }, []story{
		{
			name: "as configured", seen: then(open, calm(2*s), drop(6*s+1, messages.ErrUnconfirmed)),
			breaks: lost(messages.Open, "6.000000001s", messages.ErrUnconfirmed),
		},
	})
}

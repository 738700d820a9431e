package drops_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// attempt is a transition with the count of failures and, if it leads down, the
// delay and the cause.
func attempt(at time.Duration, from, to messages.State, failures int, delay time.Duration, cause ...error) seen {
	e := messages.EventTransition{Attempt: failures, Delay: delay, Transition: messages.Transition{From: from, To: to, Cause: syscall.ECONNRESET}}
	if len(cause) > 0 {
		e.Cause = cause[0]
	}
	return told(at, e)
}

func keepsBackoff() drops.Invariant { return drops.BackoffKept(drops.Expect{}) }

func TestBackoffCountsFailures(t *testing.T) {
	const s = time.Second
	// Open for the second time, after one failure.
	again := then(attempt(0, messages.Connecting, messages.Open, 0, 0), attempt(s, messages.Open, messages.Backoff, 1, s),
		attempt(2*s, messages.Backoff, messages.Connecting, 1, 0), attempt(3*s, messages.Connecting, messages.Open, 1, 0))
	judges(t, keepsBackoff, []story{
		{name: "one after the other", seen: then(again, attempt(4*s, messages.Open, messages.Backoff, 2, s), attempt(5*s, messages.Backoff, messages.Connecting, 2, 0),
			attempt(5*s, messages.Connecting, messages.Backoff, 3, s))},
		{name: "anew, after health", seen: then(again, attempt(13*s, messages.Open, messages.Backoff, 1, s))},
		{name: "on, though it was open for long", seen: then(again, attempt(13*s, messages.Open, messages.Backoff, 2, s))},
		{
			name:   "anew, a nanosecond before health",
			seen:   then(again, attempt(13*s-1, messages.Open, messages.Backoff, 1, s)),
			breaks: "connection 7: from open to backoff at 12.999999999s, after 9.999999999s, the count of failures went from 1 to 1",
		},
		{
			name:   "anew, and not from one",
			seen:   then(again, attempt(13*s, messages.Open, messages.Backoff, 0, s)),
			breaks: "connection 7: from open to backoff at 13s, after 10s, the count of failures went from 1 to 0",
		},
		{
			name: "anew, after attempts that failed for long",
			seen: then(again, attempt(4*s, messages.Open, messages.Backoff, 2, s), attempt(5*s, messages.Backoff, messages.Connecting, 2, 0),
				attempt(15*s, messages.Connecting, messages.Backoff, 1, s)),
			breaks: "connection 7: from connecting to backoff at 15s, after 10s, the count of failures went from 2 to 1",
		},
		{
			name:   "reset by an opening",
			seen:   then(again[:3], attempt(3*s, messages.Connecting, messages.Open, 0, 0)),
			breaks: "connection 7: from connecting to open at 3s, and the count of failures went from 1 to 0",
		},
		{
			name:   "reset by the next attempt",
			seen:   then(again[:2], attempt(2*s, messages.Backoff, messages.Connecting, 0, 0)),
			breaks: "connection 7: from backoff to connecting at 2s, and the count of failures went from 1 to 0",
		},
	})
	judges(t, func() drops.Invariant { return drops.BackoffKept(drops.Expect{Healthy: 2 * s}) }, []story{
		{name: "anew, after health as configured", seen: then(again, attempt(5*s, messages.Open, messages.Backoff, 1, s))},
	})
}

func TestBackoffIsBounded(t *testing.T) {
	const s, minute = time.Second, time.Minute
	later := func(d time.Duration) error {
		return fmt.Errorf("refused: %w", &messages.HandshakeError{Status: 503, RetryAfter: d})
	}
	tryLater := &messages.PeerCloseError{Code: 1013}
	for _, c := range []struct {
		name   string
		expect drops.Expect
		cause  error
		most   time.Duration
	}{
		{"by default", drops.Expect{}, syscall.ECONNRESET, minute},
		{"as configured", drops.Expect{BackoffCap: 5 * s}, syscall.ECONNRESET, 5 * s},
		{"by a short Retry-After", drops.Expect{}, later(5 * s), minute},
		{"by a long Retry-After", drops.Expect{}, later(2 * minute), 2 * minute},
		{"by a very long Retry-After", drops.Expect{}, later(time.Hour), 10 * minute},
		{"by the floor of 1013", drops.Expect{BackoffCap: 5 * s}, tryLater, 30 * s},
		{"by no floor of another code", drops.Expect{BackoffCap: 5 * s}, &messages.PeerCloseError{Code: 1012}, 5 * s},
	} {
		t.Run(c.name, func(t *testing.T) {
			drop := func(delay time.Duration) []seen {
				return then(attempt(s, messages.Connecting, messages.Backoff, 1, delay, c.cause))
			}
			judges(t, func() drops.Invariant { return drops.BackoffKept(c.expect) }, []story{
				{name: "just", seen: drop(c.most)},
				{
					name: "a nanosecond over", seen: drop(c.most + 1),
					breaks: fmt.Sprintf("connection 7: from connecting to backoff at 1s for %q, with a delay of %v, at most %v", c.cause, c.most+1, c.most),
				},
			})
		})
	}
	judges(t, keepsBackoff, []story{
		{name: "at once", seen: then(attempt(s, messages.Connecting, messages.Backoff, 1, 0))},
		{
			name: "before now", seen: then(attempt(s, messages.Connecting, messages.Backoff, 1, -1)),
			breaks: `connection 7: from connecting to backoff at 1s for "connection reset by peer", with a delay of -1ns, at most 1m0s`,
		},
		{name: "parked", seen: then(attempt(s, messages.Connecting, messages.Parked, 1, 5*minute))},
		{
			name: "parked too shortly", seen: then(attempt(s, messages.Connecting, messages.Parked, 1, 5*minute-1)),
			breaks: "connection 7: from connecting to parked at 1s, to be probed after 4m59.999999999s and not 5m0s",
		},
		{
			name: "parked too long", seen: then(attempt(s, messages.Connecting, messages.Parked, 1, 5*minute+1)),
			breaks: "connection 7: from connecting to parked at 1s, to be probed after 5m0.000000001s and not 5m0s",
		},
	})
	judges(t, func() drops.Invariant { return drops.BackoffKept(drops.Expect{Probe: s}) }, []story{
		{name: "parked as configured", seen: then(attempt(s, messages.Connecting, messages.Parked, 1, s))},
	})
}

func TestBackoffIsServed(t *testing.T) {
	const s = time.Second
	down := then(attempt(s, messages.Connecting, messages.Backoff, 1, 9*s))
	early := "connection 7: from backoff to connecting at 5s, and was to wait from 1s to 10s"
	dials := attempt(5*s, messages.Backoff, messages.Connecting, 1, 0)
	judges(t, keepsBackoff, []story{
		{name: "on time", seen: then(down, attempt(10*s, messages.Backoff, messages.Connecting, 1, 0), later(11*s))},
		{name: "ended by Retry", seen: then(down, retried(5*s, nil), dials, later(6*s))},
		{name: "ended by Retry, which is seen after it", seen: then(down, dials, retried(5*s, nil), later(6*s))},
		{name: "ended by nothing", seen: then(down, dials, later(6*s)), breaks: early},
		{name: "ended by nothing, at the very end", seen: then(down, dials, over(5*s)), breaks: early},
		{name: "ended by a Retry that failed", seen: then(down, retried(5*s, messages.ErrClosed), dials, later(6*s)), breaks: early},
		{name: "ended by a Retry from before", seen: then(down, retried(5*s-1, nil), dials, later(6*s)), breaks: early},
		{name: "ended by a Retry that comes later", seen: then(down, dials, retried(5*s+1, nil)), breaks: early},
	})
}

func TestNextAttemptIsNotInThePast(t *testing.T) {
	const s = time.Second
	down := then(attempt(s, messages.Connecting, messages.Backoff, 1, 9*s))
	next := func(state messages.State, at time.Duration) messages.Info {
		return messages.Info{State: state, NextAttempt: epoch.Add(at)}
	}
	judges(t, keepsBackoff, []story{
		{name: "ahead", seen: then(down, polled(2*s, next(messages.Backoff, 2*s), nil))},
		{name: "of one that does not wait", seen: then(down, polled(2*s, messages.Info{State: messages.Connecting}, nil))},
		{name: "past", seen: then(down, polled(2*s, next(messages.Backoff, 2*s-1), nil)), breaks: "connection 7: backoff at 2s, and its next attempt was due 1ns before"},
		{name: "past, parked", seen: then(down, polled(2*s, next(messages.Parked, s), nil)), breaks: "connection 7: parked at 2s, and its next attempt was due 1s before"},
	})
}

package drops_test

import (
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func backsOff() drops.Invariant { return drops.BackedOff(drops.Expect{}) }

func TestWhatAServerAsksForIsHeeded(t *testing.T) {
	const s = time.Second
	refused := func(status int) []seen {
		return then(dialed(0, 1), attempt(s, messages.Connecting, messages.Backoff, 1, s, &messages.HandshakeError{Status: status, RetryAfter: 9 * s}))
	}
	other := func(at time.Duration) seen { return seen{at, drops.Dialed{Conn: conn + 1, Socket: 1}} }
	closed := func(code int) []seen {
		return then(dialed(0, 1), goes(0, messages.Connecting, messages.Open),
			attempt(s, messages.Open, messages.Backoff, 1, s, &messages.PeerCloseError{Code: code}))
	}
	itself := "connection 7: dialed at 9.999999999s, and the server has asked it to stay away until 10s"
	judges(t, backsOff, []story{
		{name: "503, by itself", seen: then(refused(503), dialed(10*s, 2))},
		{name: "503, by another", seen: then(refused(503), other(10*s))},
		{
			name: "503, by itself too early", seen: then(refused(503), dialed(10*s-1, 2)),
			breaks: "connection 7: dialed at 9.999999999s, and the server has asked all to stay away until 10s",
		},
		{
			name: "503, by another too early", seen: then(refused(503), other(10*s-1)),
			breaks: "connection 8: dialed at 9.999999999s, and the server has asked all to stay away until 10s",
		},
		{
			name: "503, in spite of Retry", seen: then(refused(503), retried(2*s, nil), dialed(2*s, 2)),
			breaks: "connection 7: dialed at 2s, and the server has asked all to stay away until 10s",
		},
		{name: "429", seen: then(refused(429), other(2*s), dialed(10*s, 2))},
		{name: "429, too early", seen: then(refused(429), dialed(10*s-1, 2)), breaks: itself},
		{name: "429, ended by Retry", seen: then(refused(429), retried(2*s, nil), dialed(2*s, 2))},
		{name: "429, and a Retry that failed", seen: then(refused(429), retried(2*s, messages.ErrClosed), dialed(10*s-1, 2)), breaks: itself},
		{name: "another status", seen: then(refused(500), dialed(2*s, 2))},
		{name: "1013", seen: then(closed(1013), other(2*s), dialed(31*s, 2))},
		{
			name: "1013, too early", seen: then(closed(1013), dialed(31*s-1, 2)),
			breaks: "connection 7: dialed at 30.999999999s, and the server has asked it to stay away until 31s",
		},
		{name: "1012", seen: then(closed(1012), dialed(2*s, 2))},
	})
}

func TestDelaysSpreadOverTheirCeilings(t *testing.T) {
	// So many failures in a row, with delays that are parts of their ceilings.
	failing := func(times int, part float64, ceiling func(failures int) time.Duration) (all []seen) {
		for n := range times {
			delay := time.Duration(part * float64(ceiling(n+1)))
			all = append(all, attempt(time.Duration(n)*time.Hour, messages.Connecting, messages.Backoff, n+1, delay))
		}
		return append(all, over(1000*time.Hour))
	}
	usual := func(failures int) time.Duration { return min(time.Minute, 500*time.Millisecond<<min(failures-1, 20)) }
	judges(t, backsOff, []story{
		{name: "half", seen: failing(30, 0.5, usual)},
		{name: "just enough", seen: failing(30, 0.2501, usual)},
		{name: "too short", seen: failing(30, 0.2, usual), breaks: "30 delays were 0.20 of their ceilings in the mean, and not 0.25 at least"},
		{name: "none", seen: failing(30, 0, usual), breaks: "30 delays were 0.00 of their ceilings in the mean, and not 0.25 at least"},
		{name: "too few to tell", seen: failing(29, 0, usual)},
		{
			name: "not growing", seen: failing(30, 1, func(int) time.Duration { return time.Second / 2 }),
			breaks: "30 delays were 0.07 of their ceilings in the mean, and not 0.25 at least",
		},
	})
	judges(t, func() drops.Invariant {
		return drops.BackedOff(drops.Expect{Backoff: time.Second / 4, BackoffCap: time.Second / 2})
	}, []story{
		{name: "as configured", seen: failing(30, 0.5, func(int) time.Duration { return time.Second / 2 })},
	})
}

func TestHealthResetsTheCount(t *testing.T) {
	const s = time.Second
	open := then(dialed(0, 2), attempt(s, messages.Connecting, messages.Open, 1, 0))
	falls := func(at time.Duration, failures int) seen {
		return attempt(at, messages.Open, messages.Backoff, failures, s)
	}
	judges(t, backsOff, []story{
		{name: "as it must", seen: then(open, falls(21*s, 1))},
		{name: "and it may be early", seen: then(open, falls(21*s-1, 2))},
		{name: "unless it was disturbed", seen: then(open, struck(20*s, 2, drops.Slow{}), falls(40*s, 2))},
		{
			name: "but not", seen: then(open, falls(21*s, 2)),
			breaks: "connection 7: open and undisturbed from 1s to 21s, and the failure counts as number 2",
		},
		{
			name: "but not, and parks", seen: then(open, attempt(21*s, messages.Open, messages.Parked, 2, s)),
			breaks: "connection 7: open and undisturbed from 1s to 21s, and the failure counts as number 2",
		},
		{
			name: "though it was disturbed later", seen: then(open, struck(21*s, 2, drops.Slow{}), falls(40*s, 2)),
			breaks: "connection 7: open and undisturbed from 1s to 40s, and the failure counts as number 2",
		},
		{
			name: "though an older socket was disturbed", seen: then(open, struck(20*s, 1, drops.Slow{}), falls(40*s, 2)),
			breaks: "connection 7: open and undisturbed from 1s to 40s, and the failure counts as number 2",
		},
	})
}

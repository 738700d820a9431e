package drops_test

import (
	"context"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func closing(at time.Duration) seen { return seen{at, drops.Closing{Conn: conn}} }

func closed(at time.Duration, err error) seen { return seen{at, drops.Closed{Conn: conn, Err: err}} }

func retried(at time.Duration, err error) seen { return seen{at, drops.Retried{Conn: conn, Err: err}} }

func polled(at time.Duration, info messages.Info, err error) seen {
	return seen{at, drops.Polled{Conn: conn, Info: info, Err: err}}
}

func TestClosedIsFinal(t *testing.T) {
	const s, minute = time.Second, time.Minute
	down := then(up, closing(s), goes(s, messages.Open, messages.Closing), goes(3*s, messages.Closing, messages.Closed), closed(3*s, nil))
	end := &messages.CloseError{Code: 1000}
	what := "connection 7: closed since 3s, and the answer "
	judges(t, drops.ClosedIsFinal, []story{
		{
			name: "answers to a closed connection",
			seen: then(down, refused(4*s, 1, messages.ErrClosed), retried(3*s+minute-1, end), polled(3*s+minute, messages.Info{}, end),
				refused(3*s+minute, 1, messages.ErrUnknownConnection), retried(2*minute, messages.ErrUnknownConnection)),
		},
		{
			name: "all at one instant, in any order",
			seen: then(up, closing(s), dialed(s, 2), closed(s, nil), goes(s, messages.Open, messages.Closed), ends(s, 1, messages.OutcomeUndelivered),
				accepted(s, 2), admitted(s, 1), retried(s, nil), later(2*s)),
		},
		{
			name: "a close that is cut short",
			seen: then(up, closing(s), goes(s, messages.Open, messages.Closing), refused(2*s, 1, messages.ErrClosed),
				goes(9*s, messages.Closing, messages.Closed), closed(9*s, context.DeadlineExceeded), over(10*s)),
		},
		{
			name: "the shutdown of the fleet",
			seen: then(up, seen{s, drops.Ending{}}, goes(s, messages.Open, messages.Closing), refused(2*s, 1, messages.ErrShutdown),
				goes(2*s, messages.Closing, messages.Closed), refused(9*minute, 1, messages.ErrShutdown), over(9*minute)),
		},
		{
			name:   "closes unasked",
			seen:   then(up, falls(s, messages.Open, messages.Closed, end)),
			breaks: `connection 7: closed at 1s for "connection closed by us with code 1000", and nobody had asked for it`,
		},
		{
			name:   "begins to close unasked",
			seen:   then(up, goes(s, messages.Open, messages.Closing)),
			breaks: "connection 7: closing at 1s for nil, and nobody had asked for it",
		},
		{
			name:   "Close returns before it has closed",
			seen:   then(up, closing(s), goes(s, messages.Open, messages.Closing), closed(2*s, nil), goes(2*s+1, messages.Closing, messages.Closed)),
			breaks: "connection 7: Close returned nil at 2s, and it is closing",
		},
		{
			name:   "Close returns before it has closed, at the very end",
			seen:   then(up, closing(s), closed(2*s, context.Canceled), over(2*s)),
			breaks: `connection 7: Close returned "context canceled" at 2s, and it is open`,
		},
		{
			name:   "moves at the very instant of its end",
			seen:   then(down, goes(3*s, messages.Closed, messages.Connecting)),
			breaks: "connection 7: closed at 3s, and told messages.EventTransition at 3s",
		},
		{
			name:   "an outcome after the end",
			seen:   then(down, ends(3*s+1, 1, messages.OutcomeUndelivered)),
			breaks: "connection 7: closed at 3s, and told messages.EventOutcome at 3.000000001s",
		},
		{
			name:   "a dial after the end",
			seen:   then(down, dialed(4*s, 2)),
			breaks: "connection 7: closed at 3s, and was dialed at 4s",
		},
		{
			name:   "a socket after the end",
			seen:   then(down, accepted(4*s, 2)),
			breaks: "connection 7: closed at 3s, and got socket 2 at 4s",
		},
		{
			name:   "a message is admitted while it closes",
			seen:   then(up, closing(s), goes(s, messages.Open, messages.Closing), admitted(2*s, 5)),
			breaks: "connection 7: closing since 1s, and the answer to message 5 at 2s was nil",
		},
		{
			name:   "unknown while it closes",
			seen:   then(up, closing(s), goes(s, messages.Open, messages.Closing), retried(2*s, messages.ErrUnknownConnection)),
			breaks: `connection 7: closing since 1s, and the answer to Retry at 2s was "unknown connection"`,
		},
		{
			name:   "a message is admitted after the end",
			seen:   then(down, admitted(4*s, 5)),
			breaks: what + "to message 5 at 4s was nil",
		},
		{
			name:   "a message is admitted after the shutdown",
			seen:   then(down, seen{4 * s, drops.Ending{}}, admitted(5*s, 5)),
			breaks: what + "to message 5 at 5s was nil",
		},
		{
			name:   "the wrong error",
			seen:   then(down, refused(4*s, 5, messages.ErrQueueFull)),
			breaks: what + `to message 5 at 4s was "outbox is full"`,
		},
		{
			name:   "Info without an error",
			seen:   then(down, polled(4*s, messages.Info{}, nil)),
			breaks: what + "to Info at 4s was nil",
		},
		{
			name:   "forgotten a nanosecond early",
			seen:   then(down, retried(3*s+minute-1, messages.ErrUnknownConnection)),
			breaks: what + `to Retry at 1m2.999999999s was "unknown connection"`,
		},
		{
			name:   "remembered a nanosecond too long",
			seen:   then(down, retried(3*s+minute+1, messages.ErrClosed)),
			breaks: what + `to Retry at 1m3.000000001s was "connection is closed"`,
		},
	})
}

func TestOfManyClosedConnectionsSomeAreForgottenEarly(t *testing.T) {
	const most = 10_000
	i := drops.ClosedIsFinal()
	for n := range most + 1 {
		_ = i.Observe(0, drops.Closing{Conn: n})
		_ = i.Observe(0, drops.Told{Conn: n, Event: messages.EventTransition{Transition: messages.Transition{To: messages.Closed}}})
		err := i.Observe(1, drops.Polled{Conn: 0, Err: messages.ErrUnknownConnection})
		if forgiven := err == nil; forgiven != (n == most) {
			t.Fatalf("with %d closed: %v", n+1, err)
		}
	}
}

package drops_test

import (
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// up is the connection's first socket.
var up = then(goes(0, 0, messages.Connecting), accepted(0, 1), goes(0, messages.Connecting, messages.Open))

// endsOn has the message written to a socket of that incarnation.
func endsOn(at time.Duration, incarnation, number uint64) seen {
	return seen{at, drops.Told{Conn: conn, Event: messages.EventOutcome{Incarnation: incarnation, Number: number, Outcome: messages.OutcomeWritten}}}
}

func TestOneOutcomeHolds(t *testing.T) {
	const s = time.Second
	judges(t, drops.OneOutcome, []story{
		{
			name: "written and confirmed",
			seen: then(up, given(s, once, least), arrived(s, 1, 1), ends(s, 1, messages.OutcomeWritten),
				arrived(s, 1, 2), ends(2*s, 2, messages.OutcomeConfirmed), over(3*s)),
		},
		{
			name: "all at one instant, in any order",
			seen: then(up, sent(s, 1, least), ends(s, 1, messages.OutcomeConfirmed), admitted(s, 1), arrived(s, 1, 1), over(2*s)),
		},
		{
			name: "written, and lost",
			seen: then(up, given(s, once), ends(s, 1, messages.OutcomeWritten), over(2*s)),
		},
		{
			name: "written, and read when the connection has another socket",
			seen: then(up, given(s, once), ends(s, 1, messages.OutcomeWritten), accepted(2*s, 2), arrived(3*s, 1, 1), over(4*s)),
		},
		{
			name: "written as the socket opens, and read later",
			seen: then(given(s, once, once), ends(s, 1, messages.OutcomeWritten), accepted(s, 1), ends(2*s, 2, messages.OutcomeWritten),
				arrived(3*s, 1, 1), over(4*s)),
		},
		{
			name: "refused: the number is used again",
			seen: then(up, sent(s, 1, least), refused(s, 1, messages.ErrQueueFull), given(2*s, once), ends(2*s, 1, messages.OutcomeWritten), over(3*s)),
		},
		{
			name: "expired while down, on time",
			seen: then(up, goes(s, messages.Open, messages.Backoff), given(2*s, with(once, s, "", 0)), ends(3*s, 1, messages.OutcomeExpired), over(4*s)),
		},
		{
			name: "expired late, in the hands of a writer that is stuck",
			seen: then(up, given(s, with(once, s, "", 0)), goes(9*s, messages.Open, messages.Backoff), ends(9*s, 1, messages.OutcomeExpired), over(10*s)),
		},
		{
			name: "expired after it was written and may have arrived",
			seen: then(up, given(s, with(least, s, "", 0)), arrived(s, 1, 1), goes(9*s, messages.Open, messages.Backoff),
				ends(9*s, 1, messages.OutcomeExpired), over(10*s)),
		},
		{
			name: "sent while down, and written when it is up",
			seen: then(up, goes(s, messages.Open, messages.Backoff), given(2*s, once), goes(3*s, messages.Connecting, messages.Open),
				ends(3*s, 1, messages.OutcomeWritten), over(4*s)),
		},
		{
			name: "written late, by a writer that was stuck as it closes",
			seen: then(up, given(s, with(once, 2*s, "", 0)), goes(2*s, messages.Open, messages.Closing), ends(4*s, 1, messages.OutcomeWritten), over(5*s)),
		},
		{
			name: "on the socket it was tied to, and on any",
			seen: then(up, given(s, with(once, 0, "", 4), once), endsOn(s, 4, 1), endsOn(s, 4, 2), over(2*s)),
		},
		{
			name: "written late, since it came to the socket on time",
			seen: then(up, goes(s, messages.Open, messages.Backoff), given(2*s, with(once, 2*s, "", 0)), goes(3*s, messages.Backoff, messages.Connecting),
				goes(4*s, messages.Connecting, messages.Open), ends(5*s, 1, messages.OutcomeWritten), over(6*s)),
		},
		{
			name: "expired with the socket it was tied to",
			seen: then(up, given(s, with(least, 0, "", 1)), ends(2*s, 1, messages.OutcomeExpired), goes(2*s, messages.Open, messages.Parked), over(3*s)),
		},
		{
			name: "replaced before Send has returned",
			seen: then(up, given(s, with(once, 0, "k", 0)), sent(2*s, 2, with(once, 0, "k", 0)), ends(2*s, 1, messages.OutcomeReplaced),
				admitted(2*s, 2), ends(3*s, 2, messages.OutcomeWritten), over(4*s)),
		},
		{
			name: "withdrawn",
			seen: then(up, given(s, least), ends(2*s, 1, messages.OutcomeWithdrawn), over(3*s)),
		},
		{
			name: "undelivered at the close",
			seen: then(up, given(s, once, least), arrived(s, 1, 2), ends(2*s, 1, messages.OutcomeUndelivered), ends(2*s, 2, messages.OutcomeUndelivered),
				goes(2*s, messages.Open, messages.Closed), over(3*s)),
		},
	})
}

func TestOneOutcomeBreaks(t *testing.T) {
	const s = time.Second
	judges(t, drops.OneOutcome, []story{
		{
			name:   "no outcome",
			seen:   then(up, given(s, once, least, least), ends(s, 1, messages.OutcomeWritten), over(4*s)),
			breaks: "connection 7: 2 messages have no outcome, first message 2, sent at 1s",
		},
		{
			name:   "two outcomes",
			seen:   then(up, given(s, once), ends(s, 1, messages.OutcomeWritten), ends(2*s, 1, messages.OutcomeWritten)),
			breaks: "connection 7: message 1 ended written at 2s, and had ended written at 1s",
		},
		{
			name: "another outcome long after the first",
			seen: then(up, given(s, least, once), arrived(s, 1, 1), ends(s, 1, messages.OutcomeConfirmed), arrived(2*s, 1, 2),
				ends(2*s, 2, messages.OutcomeWritten), ends(3*s, 1, messages.OutcomeConfirmed)),
			breaks: "connection 7: message 1 ended confirmed at 3s, and had ended before",
		},
		{
			name:   "the outcome of nothing",
			seen:   then(up, ends(s, 1, messages.OutcomeWritten)),
			breaks: "connection 7: message 1 ended written at 1s, and was never sent",
		},
		{
			name:   "an outcome that is none",
			seen:   then(up, given(s, once), ends(s, 1, 0)),
			breaks: "connection 7: message 1 ended none at 1s, which is no outcome",
		},
		{
			name:   "arrived, and was never sent",
			seen:   then(up, arrived(s, 1, 1)),
			breaks: "connection 7: message 1 arrived at 1s on socket 1, and was never sent",
		},
		{
			name:   "refused, and arrived",
			seen:   then(up, sent(s, 1, once), arrived(s, 1, 1), refused(s, 1, messages.ErrQueueFull)),
			breaks: `connection 7: message 1 was refused at 1s with "outbox is full", and has arrived`,
		},
		{
			name:   "refused, and arrives",
			seen:   then(up, sent(s, 1, once), refused(s, 1, messages.ErrQueueFull), arrived(s, 1, 1)),
			breaks: "connection 7: message 1 arrived at 1s on socket 1, and was never sent",
		},
		{
			name:   "refused, and ended",
			seen:   then(up, sent(s, 1, once), ends(s, 1, messages.OutcomeWritten), refused(s, 1, messages.ErrQueueFull)),
			breaks: `connection 7: message 1 was refused at 1s with "outbox is full", and ended written`,
		},
		{
			name: "refused, and replaced another",
			seen: then(up, given(s, with(once, 0, "k", 0)), sent(s, 2, with(once, 0, "k", 0)), ends(s, 1, messages.OutcomeReplaced),
				refused(s, 2, messages.ErrQueueFull)),
			breaks: `connection 7: message 2 was refused at 1s with "outbox is full", and another was replaced by it`,
		},
		{
			name: "replaced later by one that was refused",
			seen: then(up, given(s, with(once, 0, "k", 0)), sent(s, 2, with(once, 0, "k", 0)), refused(s, 2, messages.ErrQueueFull),
				ends(2*s, 1, messages.OutcomeReplaced)),
			breaks: "connection 7: message 1 ended replaced at 2s, and no newer message has its key",
		},
		{
			name:   "confirmed, and never arrived",
			seen:   then(up, given(s, least), ends(s, 1, messages.OutcomeConfirmed), over(s)),
			breaks: "connection 7: message 1 ended confirmed at 1s, and has not arrived",
		},
		{
			name:   "confirmed a nanosecond before it arrives",
			seen:   then(up, given(s, least), ends(s, 1, messages.OutcomeConfirmed), arrived(s+1, 1, 1)),
			breaks: "connection 7: message 1 ended confirmed at 1s, and has not arrived",
		},
		{
			name:   "at-most-once, and confirmed",
			seen:   then(up, given(s, once), arrived(s, 1, 1), ends(s, 1, messages.OutcomeConfirmed)),
			breaks: "connection 7: message 1 ended confirmed at 1s, and is at-most-once",
		},
		{
			name:   "at-least-once, and only written",
			seen:   then(up, given(s, least), ends(s, 1, messages.OutcomeWritten)),
			breaks: "connection 7: message 1 ended written at 1s, and is at-least-once",
		},
		{
			name:   "written to a socket that it was not tied to",
			seen:   then(up, given(s, with(once, 0, "", 3)), ends(s, 1, messages.OutcomeWritten)),
			breaks: "connection 7: message 1 ended written at 1s, on incarnation 0, and was tied to 3",
		},
		{
			name:   "expired without a TTL",
			seen:   then(up, given(s, once), ends(9*s, 1, messages.OutcomeExpired)),
			breaks: "connection 7: message 1 ended expired at 9s, and has no TTL",
		},
		{
			name:   "expired a nanosecond early",
			seen:   then(up, given(s, with(once, s, "", 0)), ends(2*s-1, 1, messages.OutcomeExpired)),
			breaks: "connection 7: message 1 ended expired at 1.999999999s, before its time, 2s",
		},
		{
			name:   "expired without the socket it was tied to",
			seen:   then(up, given(s, with(once, 0, "", 1)), ends(2*s, 1, messages.OutcomeExpired), goes(3*s, messages.Open, messages.Backoff)),
			breaks: "connection 7: message 1 ended expired at 2s, and its socket had not",
		},
		{
			name:   "expired as the connection began to close",
			seen:   then(up, given(s, with(once, 0, "", 1)), ends(2*s, 1, messages.OutcomeExpired), goes(2*s, messages.Open, messages.Closing), later(3*s)),
			breaks: "connection 7: message 1 ended expired at 2s, and its socket had not",
		},
		{
			name: "expired late, after attempts that failed",
			seen: then(up, goes(s, messages.Open, messages.Backoff), given(2*s, with(once, s, "", 0)), goes(4*s, messages.Backoff, messages.Connecting),
				goes(5*s, messages.Connecting, messages.Backoff), ends(6*s, 1, messages.OutcomeExpired)),
			breaks: "connection 7: message 1 ended expired at 6s, and should have expired at 3s, when the connection was down",
		},
		{
			name:   "expired a nanosecond after the drop that it should have expired at",
			seen:   then(up, given(s, with(least, s, "", 0)), goes(2*s, messages.Open, messages.Backoff), ends(2*s+1, 1, messages.OutcomeExpired)),
			breaks: "connection 7: message 1 ended expired at 2.000000001s, and should have expired at 2s, when the connection was down",
		},
		{
			name:   "expired a nanosecond late, while down",
			seen:   then(up, goes(s, messages.Open, messages.Backoff), given(2*s, with(once, s, "", 0)), ends(3*s+1, 1, messages.OutcomeExpired)),
			breaks: "connection 7: message 1 ended expired at 3.000000001s, and should have expired at 3s, when the connection was down",
		},
		{
			name: "written, though it expired while down",
			seen: then(up, goes(s, messages.Open, messages.Backoff), given(2*s, with(once, s, "", 0)),
				goes(4*s, messages.Connecting, messages.Open), ends(4*s, 1, messages.OutcomeWritten)),
			breaks: "connection 7: message 1 ended written at 4s, and should have expired at 3s, when the connection was down",
		},
		{
			name:   "replaced by nothing",
			seen:   then(up, given(s, with(once, 0, "k", 0), with(once, 0, "other", 0)), ends(2*s, 1, messages.OutcomeReplaced)),
			breaks: "connection 7: message 1 ended replaced at 2s, and no newer message has its key",
		},
		{
			name:   "replaced without a key",
			seen:   then(up, given(s, once, once), ends(2*s, 1, messages.OutcomeReplaced)),
			breaks: "connection 7: message 1 ended replaced at 2s, and no newer message has its key",
		},
		{
			name:   "undelivered by a connection that goes on",
			seen:   then(up, given(s, once), ends(2*s, 1, messages.OutcomeUndelivered), goes(3*s, messages.Open, messages.Closed)),
			breaks: "connection 7: message 1 ended undelivered at 2s, and the connection did not close",
		},
		{
			name: "written anew after its end, which an old socket keeps in mind",
			seen: then(up, given(s, least), accepted(s, 2), arrived(s, 2, 1), ends(s, 1, messages.OutcomeConfirmed),
				accepted(2*s, 3), arrived(3*s, 3, 1)),
			breaks: "connection 7: message 1 arrived at 3s on socket 3, which was accepted at 2s; it had ended confirmed at 1s",
		},
		{
			name: "written anew after its end, though it never came before",
			seen: then(up, given(s, once, once), ends(s, 1, messages.OutcomeWritten), seen{2 * s, drops.Ended{Conn: conn, Socket: 1}},
				accepted(3*s, 2), ends(3*s, 2, messages.OutcomeWritten), arrived(4*s, 2, 1)),
			breaks: "connection 7: message 1 arrived at 4s on socket 2, and had ended before that was opened",
		},
		{
			name: "written anew long after its end",
			seen: then(up, given(s, least), arrived(s, 1, 1), ends(s, 1, messages.OutcomeConfirmed), seen{2 * s, drops.Ended{Conn: conn, Socket: 1}},
				accepted(3*s, 2), sent(3*s, 2, once), ends(3*s, 2, messages.OutcomeWritten), arrived(4*s, 2, 1)),
			breaks: "connection 7: message 1 arrived at 4s on socket 2, and had ended before that was opened",
		},
	})
}

func TestWhatEndsUnsentDoesNotArrive(t *testing.T) {
	const s = time.Second
	closed := goes(2*s, messages.Open, messages.Closed)
	for _, c := range []struct {
		outcome messages.Outcome
		message messages.Message
		more    []seen // what makes the outcome a legal one
	}{
		{messages.OutcomeWithdrawn, once, nil},
		{messages.OutcomeWithdrawn, least, nil},
		{messages.OutcomeExpired, with(once, s, "", 0), nil},
		{messages.OutcomeReplaced, with(once, 0, "k", 0), then(sent(2*s, 2, with(once, 0, "k", 0)))},
		{messages.OutcomeUndelivered, once, then(closed)},
	} {
		t.Run(c.outcome.String()+" "+c.message.Guarantee.String(), func(t *testing.T) {
			end := then(c.more, ends(2*s, 1, c.outcome))
			what := "connection 7: message 1 "
			judges(t, drops.OneOutcome, []story{
				{name: "it does not", seen: then(up, given(s, c.message), end, later(3*s))},
				{
					name:   "it has",
					seen:   then(up, given(s, c.message), arrived(s, 1, 1), end, later(3*s)),
					breaks: what + "ended " + c.outcome.String() + " at 2s, and has arrived",
				},
				{
					name:   "it does after all",
					seen:   then(up, given(s, c.message), end, arrived(3*s, 1, 1)),
					breaks: what + "arrived at 3s on socket 1, and had ended " + c.outcome.String() + " at 2s",
				},
			})
		})
	}
}

package drops_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// drop is one that happens to an open socket for cause, and is over at once.
func drop(at time.Duration, cause error) []seen {
	return then(falls(at, messages.Open, messages.Backoff, cause), goes(at, messages.Backoff, messages.Connecting),
		goes(at, messages.Connecting, messages.Open))
}

// gives has the message given up for cause.
func gives(at time.Duration, number uint64, cause error) seen {
	return seen{at, drops.Told{Conn: conn, Event: messages.EventOutcome{Number: number, Outcome: messages.OutcomeRefused, Err: cause}}}
}

func TestGivingUpAMessage(t *testing.T) {
	const (
		s   = time.Second
		cut = syscall.ECONNRESET
	)
	reject := &messages.PeerCloseError{Code: 1009}
	first := "connection 7: message 1 ended refused at "
	judges(t, drops.OneOutcome, []story{
		{
			name: "the second time the peer rejects it",
			seen: then(up, given(s, least), drop(s, reject), gives(2*s, 1, reject), drop(2*s, reject), later(3*s)),
		},
		{
			name: "the fourth time the connection is cut",
			seen: then(up, given(s, least), drop(s, cut), drop(2*s, cut), drop(3*s, cut), gives(4*s, 1, cut), drop(4*s, cut), later(5*s)),
		},
		{
			name: "when those before it have ended, and at-most-once ones wait",
			seen: then(up, given(s, least, once, least), drop(s, reject), arrived(s, 1, 1), ends(s, 1, messages.OutcomeConfirmed),
				gives(2*s, 3, reject), drop(2*s, reject), later(3*s)),
		},
		{
			name:   "the first time the peer rejects it",
			seen:   then(up, drop(s, reject), given(s, least), gives(2*s, 1, reject), drop(2*s, reject), later(3*s)),
			breaks: first + "2s, and was not given another chance, alone",
		},
		{
			name:   "the third time the connection is cut",
			seen:   then(up, given(s, least), drop(s, cut), drop(2*s, cut), gives(3*s, 1, cut), drop(3*s, cut), later(4*s)),
			breaks: first + "3s, and was not given another chance, alone",
		},
		{
			name: "drops that no message can be blamed for do not count",
			seen: then(up, given(s, least), drop(s, messages.ErrHeartbeatTimeout), drop(2*s, &messages.HandlerError{Err: cut}), drop(3*s, messages.ErrUnconfirmed),
				gives(4*s, 1, cut), drop(4*s, cut), later(5*s)),
			breaks: first + "4s, and was not given another chance, alone",
		},
		{
			name:   "attempts that fail do not count",
			seen:   then(up, given(s, least), falls(s, messages.Connecting, messages.Backoff, reject), gives(2*s, 1, reject), drop(2*s, reject), later(3*s)),
			breaks: first + "2s, and was not given another chance, alone",
		},
		{
			name:   "an at-most-once message",
			seen:   then(up, given(s, once), drop(s, reject), gives(2*s, 1, reject), drop(2*s, reject), later(3*s)),
			breaks: first + "2s, and is at-most-once",
		},
		{
			name:   "for a silence",
			seen:   then(up, given(s, least), drop(s, reject), gives(2*s, 1, messages.ErrUnconfirmed), drop(2*s, messages.ErrUnconfirmed), later(3*s)),
			breaks: first + "2s, for what is no message's fault",
		},
		{
			name:   "for no cause",
			seen:   then(up, given(s, least), drop(s, reject), gives(2*s, 1, nil), drop(2*s, nil), later(3*s)),
			breaks: first + "2s, for what is no message's fault",
		},
		{
			name:   "while an earlier one waits for its confirmation",
			seen:   then(up, given(s, least, least), drop(s, reject), gives(2*s, 2, reject), drop(2*s, reject), later(3*s)),
			breaks: "connection 7: message 2 ended refused at 2s, and was not the first to be confirmed",
		},
		{
			name:   "by a socket that lives",
			seen:   then(up, given(s, least), drop(s, reject), gives(2*s, 1, reject), later(3*s)),
			breaks: first + "2s, and no socket was lost",
		},
	})
}

package drops_test

import (
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// moves is a transition of an incarnation.
func moves(at time.Duration, from, to messages.State, incarnation uint64) seen {
	return told(at, messages.EventTransition{Incarnation: incarnation, Transition: messages.Transition{From: from, To: to}})
}

func TestLegalMoves(t *testing.T) {
	const s = time.Second
	up := then(moves(0, 0, messages.Connecting, 0), moves(s, messages.Connecting, messages.Open, 1))
	judges(t, drops.LegalMoves, []story{
		{
			name: "from the beginning to the end",
			seen: then(up, moves(2*s, messages.Open, messages.Backoff, 1), moves(3*s, messages.Backoff, messages.Connecting, 2),
				moves(4*s, messages.Connecting, messages.Parked, 2), moves(5*s, messages.Parked, messages.Connecting, 3),
				moves(6*s, messages.Connecting, messages.Open, 3), moves(7*s, messages.Open, messages.Closing, 3), moves(8*s, messages.Closing, messages.Closed, 3)),
		},
		{
			name: "closed before the first attempt",
			seen: then(moves(0, 0, messages.Connecting, 0), moves(s, messages.Connecting, messages.Closed, 0)),
		},
		{
			name:   "not from where it was",
			seen:   then(up, moves(2*s, messages.Backoff, messages.Connecting, 2)),
			breaks: "connection 7: from backoff to connecting at 2s, and it was open",
		},
		{
			name:   "not in the table",
			seen:   then(up, moves(2*s, messages.Open, messages.Connecting, 2)),
			breaks: "connection 7: from open to connecting at 2s is no legal move",
		},
		{
			name:   "begins late",
			seen:   then(moves(0, 0, messages.Connecting, 2)),
			breaks: "connection 7: from none to connecting at 0s, incarnation 2 after 0",
		},
		{
			name:   "an attempt without an incarnation of its own",
			seen:   then(up, moves(2*s, messages.Open, messages.Backoff, 1), moves(3*s, messages.Backoff, messages.Connecting, 1)),
			breaks: "connection 7: from backoff to connecting at 3s, incarnation 1 after 1",
		},
		{
			name:   "a first attempt that is the second",
			seen:   then(moves(0, 0, messages.Connecting, 0), moves(s, messages.Connecting, messages.Open, 2)),
			breaks: "connection 7: from connecting to open at 1s, incarnation 2 after 0",
		},
		{
			name: "an incarnation from before",
			seen: then(up, moves(2*s, messages.Open, messages.Backoff, 1), moves(3*s, messages.Backoff, messages.Connecting, 2),
				moves(4*s, messages.Connecting, messages.Open, 1)),
			breaks: "connection 7: from connecting to open at 4s, incarnation 1 after 2",
		},
		{
			name:   "an incarnation without an attempt",
			seen:   then(up, moves(2*s, messages.Open, messages.Backoff, 2)),
			breaks: "connection 7: from open to backoff at 2s, incarnation 2 after 1",
		},
	})
}

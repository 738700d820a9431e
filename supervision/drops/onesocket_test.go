package drops_test

import (
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestOneSocket(t *testing.T) {
	const s = time.Second
	open := then(goes(0, 0, messages.Connecting), dialed(0, 1), accepted(0, 1), goes(0, messages.Connecting, messages.Open))
	judges(t, drops.OneSocket, []story{
		{
			name: "a connection that comes back",
			seen: then(open,
				goes(s, messages.Open, messages.Backoff), goes(2*s, messages.Backoff, messages.Connecting),
				dialed(3*s, 2), accepted(3*s, 2), goes(3*s, messages.Connecting, messages.Open), later(4*s)),
		},
		{
			name: "a dial that is seen before its Connecting",
			seen: then(open, goes(s, messages.Open, messages.Backoff), dialed(2*s, 2), goes(2*s, messages.Backoff, messages.Connecting), later(3*s)),
		},
		{
			name: "a dial that is seen before its Connecting, and is over at once",
			seen: then(open, goes(s, messages.Open, messages.Backoff), dialed(2*s, 2), goes(2*s, messages.Backoff, messages.Connecting),
				goes(2*s, messages.Connecting, messages.Open), later(3*s)),
		},
		{
			name:   "a socket is accepted while another lives",
			seen:   then(open, seen{s, drops.Accepted{Conn: conn, Socket: 2, Live: []int{1}}}),
			breaks: "connection 7: socket 2 was accepted at 1s, while sockets [1] live",
		},
		{
			name:   "dialed while Open",
			seen:   then(open, dialed(s, 2), later(2*s)),
			breaks: "connection 7: socket 2 was dialed at 1s, while it was open",
		},
		{
			name:   "dialed while in Backoff",
			seen:   then(open, goes(s, messages.Open, messages.Backoff), dialed(2*s, 2), goes(3*s, messages.Backoff, messages.Connecting)),
			breaks: "connection 7: socket 2 was dialed at 2s, while it was backoff",
		},
		{
			name:   "dialed while Open, at the very end",
			seen:   then(open, dialed(s, 2), over(s)),
			breaks: "connection 7: socket 2 was dialed at 1s, while it was open",
		},
	})
}

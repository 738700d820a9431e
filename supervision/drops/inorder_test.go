package drops_test

import (
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestInOrder(t *testing.T) {
	const s = time.Second
	three := then(accepted(0, 1), given(0, least, once, least))
	judges(t, drops.InOrder, []story{
		{
			name: "one socket, with a gap",
			seen: then(three, arrived(s, 1, 1), arrived(s, 1, 3)),
		},
		{
			name: "a message arrives before Send has returned",
			seen: then(accepted(0, 1), sent(0, 1, least), arrived(0, 1, 1), ends(0, 1, messages.OutcomeConfirmed), admitted(0, 1)),
		},
		{
			name: "outcomes and messages that are seen before their socket",
			seen: then(given(0, once), ends(0, 1, messages.OutcomeWritten), accepted(0, 1), arrived(0, 1, 1)),
		},
		{
			name: "what was not confirmed arrives again, behind newer ones",
			seen: then(three, arrived(s, 1, 1), arrived(s, 1, 2), arrived(s, 1, 3), accepted(2*s, 2), arrived(2*s, 2, 1), arrived(2*s, 2, 3)),
		},
		{
			name: "a dead socket is read late: at-most-once, out of turn",
			seen: then(three, accepted(s, 2), ends(s, 2, messages.OutcomeWritten), arrived(s, 2, 1), arrived(s, 2, 3), arrived(2*s, 1, 1), arrived(2*s, 1, 2)),
		},
		{
			name: "a dead socket is read late: what has expired since",
			seen: then(three, ends(s, 1, messages.OutcomeExpired), accepted(s, 2), arrived(s, 2, 3), arrived(2*s, 1, 1)),
		},
		{
			name: "two sockets are read at one instant",
			seen: then(three, accepted(s, 2), arrived(2*s, 2, 3), arrived(2*s, 1, 1)),
		},
		{
			name: "the number of a refused message is used again",
			seen: then(accepted(0, 1), sent(0, 1, once), refused(0, 1, messages.ErrQueueFull), given(s, least),
				arrived(s, 1, 1), accepted(2*s, 2), arrived(2*s, 2, 1)),
		},
		{
			name:   "a lower number after a higher one",
			seen:   then(three, arrived(s, 1, 2), arrived(2*s, 1, 1)),
			breaks: "connection 7: message 1 arrived at 2s on socket 1, behind message 2",
		},
		{
			name:   "a number twice on one socket",
			seen:   then(three, arrived(s, 1, 1), arrived(2*s, 1, 1)),
			breaks: "connection 7: message 1 arrived at 2s on socket 1, behind message 1",
		},
		{
			name:   "at-most-once, twice",
			seen:   then(three, arrived(s, 1, 2), accepted(2*s, 2), arrived(3*s, 2, 2)),
			breaks: "connection 7: message 2 arrived at 3s on socket 2, once more in spite of at-most-once",
		},
		{
			name:   "at-least-once, first after a newer one",
			seen:   then(three, arrived(s, 1, 3), accepted(2*s, 2), arrived(3*s, 2, 1)),
			breaks: "connection 7: message 1 arrived at 3s on socket 2, first after message 3, both at-least-once",
		},
		{
			name:   "said to be confirmed, and first after a newer one",
			seen:   then(three, accepted(s, 2), ends(s, 1, messages.OutcomeConfirmed), arrived(2*s, 2, 3), arrived(3*s, 1, 1)),
			breaks: "connection 7: message 1 arrived at 3s on socket 1, first after message 3, both at-least-once",
		},
		{
			name: "the outcome of nothing, which is not for this one to tell",
			seen: then(accepted(0, 1), ends(s, 1, messages.OutcomeWritten), arrived(s, 1, 1)),
		},
		{
			name: "written anew after its end, though it never came before",
			seen: then(three, ends(s, 1, messages.OutcomeExpired), seen{2 * s, drops.Ended{Conn: conn, Socket: 1}}, accepted(3*s, 2),
				ends(3*s, 2, messages.OutcomeWritten), arrived(4*s, 2, 1)),
			breaks: "connection 7: message 1 arrived at 4s on socket 2, which was opened after its end",
		},
		{
			name: "written anew after its end",
			seen: then(three, arrived(s, 1, 1), ends(s, 1, messages.OutcomeConfirmed), seen{2 * s, drops.Ended{Conn: conn, Socket: 1}},
				accepted(3*s, 2), ends(3*s, 2, messages.OutcomeWritten), arrived(4*s, 2, 1)),
			breaks: "connection 7: message 1 arrived at 4s on socket 2, which was opened after its end",
		},
	})
}

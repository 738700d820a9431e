package actors

import (
	"errors"
	"slices"

	"github.com/tetherws/tether/messages"
)

// dropsOfPoison is how many drops in a row the same first unconfirmed message
// may see before it, and those behind it, go alone.
const dropsOfPoison = 3

// poisonCodes are the close codes by which a peer says that it will not take
// a message (RFC 6455, section 7.4.1).
var poisonCodes = []int{1003, 1007, 1008, 1009}

// suspect looks for the message that the connection was dropped over. The
// ones that were unconfirmed then go singly; one that brings the connection
// down alone is given up. It returns how many were unconfirmed on the socket.
func (o *outbox) suspect(to ledger, cause error) int {
	count, first := o.atLeastOnce(), o.firstUnconfirmed()
	if first == nil || innocent(cause) {
		return count
	}
	first.drops = min(first.drops+1, dropsOfPoison+1)
	var closed *messages.PeerCloseError
	rejected := errors.As(cause, &closed) && slices.Contains(poisonCodes, closed.Code)
	switch {
	case o.single && count == 1 && (rejected || first.drops > dropsOfPoison):
		o.flight.remove(first)
		o.end(to, first, messages.OutcomeRefused, cause)
	case rejected || first.drops >= dropsOfPoison:
		o.single = true
	}
	return count
}

// innocent reports whether cause is no sign of a bad message: the peer does not
// answer, or our own handler failed.
func innocent(cause error) bool {
	var ours *messages.HandlerError
	return errors.As(cause, &ours) ||
		errors.Is(cause, messages.ErrUnconfirmed) || errors.Is(cause, messages.ErrHeartbeatTimeout)
}

// atLeastOnce counts the messages in flight that are not gone.
func (o *outbox) atLeastOnce() (n int) {
	for e := o.flight.head; e != nil; e = e.next {
		if e.place == flying {
			n++
		}
	}
	return n
}

func (o *outbox) firstUnconfirmed() *entry {
	for e := o.flight.head; e != nil; e = e.next {
		if e.place == flying {
			return e
		}
	}
	return nil
}

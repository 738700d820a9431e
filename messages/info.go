package messages

import (
	"errors"
	"time"
)

// Attempt describes one attempt to open a socket, to the function that makes
// its request.
type Attempt struct {
	ID          ID
	Incarnation uint64
	Number      int   // 0 for the first since the last proven health, then 1, 2, ...
	Cause       error // why the last socket or attempt ended; nil for the first
}

// Transition is one change of state.
type Transition struct {
	At       time.Time
	From, To State
	Cause    error // nil where there is nothing to tell
}

// Dropped reports whether an open socket ended by it that nobody asked to end.
// That is each move from Open to Backoff, Parked or Detached; to Closing, if
// it has a cause, which the client is told; and to Closed, unless the peer of
// an accepted connection has sent a close frame.
func (t Transition) Dropped() bool {
	if t.From != Open {
		return false
	}
	switch t.To {
	case Backoff, Parked, Detached:
		return true
	case Closing:
		return t.Cause != nil
	case Closed:
		var end *CloseError
		return errors.As(t.Cause, &end) && !end.Remote && end.Err != nil
	}
	return false
}

// Info is a snapshot of a connection.
//
// Its counts add up: Admitted is the sum of Queued, Unconfirmed, Written,
// Confirmed, Expired, Replaced, Refused, Withdrawn and Undelivered.
type Info struct {
	ID          ID
	State       State
	Incarnation uint64 // of the present or last socket or attempt; starts at 1
	Dialed      bool   // by us; otherwise accepted
	Peer        string // the remote address; empty before the first socket
	Labels      map[string]string
	Groups      []string // sorted

	Since       time.Time     // of State
	NextAttempt time.Time     // in Backoff and Parked; in Detached when it will be Closed; otherwise zero
	Attempt     int           // failures in a row since the last proven health
	RTT         time.Duration // of the last answered ping; 0 before

	Queued      int // messages never written
	QueuedBytes int // their payload
	Unconfirmed int // AtLeastOnce messages written and not yet confirmed

	Admitted    uint64
	Written     uint64 // AtMostOnce
	Confirmed   uint64 // AtLeastOnce, and all on tether.v1
	Expired     uint64
	Replaced    uint64
	Refused     uint64 // given up because the peer drops the connection over them
	Withdrawn   uint64 // by a Deliver whose context ended
	Undelivered uint64 // at close
	Received    uint64 // data messages, inbound

	History []Transition // the last ones, oldest first
}

package messages

import "time"

// Event is the sealed set of what an embedder may listen to.
type Event interface{ event() }

// EventTransition is a change of a connection's state.
type EventTransition struct {
	ID          ID
	Incarnation uint64
	Attempt     int           // failures in a row since the last proven health
	Delay       time.Duration // until the next attempt, to Backoff and Parked; to Detached until the end
	Transition
}

// EventOutcome is the end of an admitted message.
type EventOutcome struct {
	ID          ID
	Incarnation uint64 // of the socket that was current
	Number      uint64 // which of the connection's admitted messages, from 1
	Key         string // the message's
	Outcome     Outcome
	Err         error // the cause, for Refused and Undelivered
}

func (EventTransition) event() {}
func (EventOutcome) event()    {}

// Outcome is the one end of an admitted message.
type Outcome uint8

const (
	OutcomeWritten     Outcome = iota + 1 // AtMostOnce: a byte of it may have left
	OutcomeConfirmed                      // AtLeastOnce: taken by the peer's WebSocket implementation
	OutcomeExpired                        // its TTL, or the socket it was tied to, ended
	OutcomeReplaced                       // by a newer message with its key
	OutcomeRefused                        // given up: it brings the connection down
	OutcomeWithdrawn                      // by a Deliver whose context ended before the write
	OutcomeUndelivered                    // the connection closed first
)

var outcomeNames = [...]string{"none", "written", "confirmed", "expired", "replaced", "refused", "withdrawn", "undelivered"}

// String returns the outcome's name in lower case.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "invalid"
}

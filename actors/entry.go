package actors

import (
	"fmt"
	"sync"

	"github.com/tetherws/tether/messages"
)

// entry is an admitted message on its way to its outcome.
type entry struct {
	prev, next *entry
	place      place

	msg       messages.Message
	broadcast *broadcast // which it is a part of; nil otherwise
	receipt   receipt    // of a Deliver; nil otherwise, and once answered
	delivers  bool       // it came by a Deliver

	number     uint64  // among the connection's admitted messages
	expires    instant // 0: never
	mark       uint64  // the socket's count of messages once this one was written
	start      int64   // where it begins in what the socket was given
	tried      bool    // AtLeastOnce: a byte of it may have left on some socket
	superseded bool    // a newer message with its key was admitted
	drops      int     // drops in a row that it was the first unconfirmed at
}

// place is where an entry is.
type place uint8

const (
	queued place = iota // waits to be written, or is in the actor's hands
	flying              // written, waits for the pong
	gone                // has its outcome; with a receipt it may still fly
)

// spares holds entries that were used, in chains by next: an outbox gives
// them back by the batch.
var spares = sync.Pool{New: func() any { return new(entry) }}

func newEntry(m messages.Message) *entry {
	e := spares.Get().(*entry)
	if e.next != nil {
		spares.Put(e.next)
		e.next = nil
	}
	e.msg = m
	return e
}

func (e *entry) size() int { return len(e.msg.Data) }

// receipt takes the one answer to a Deliver.
type receipt chan error

func newReceipt() receipt { return make(receipt, 1) }

// verdict is the answer to a Deliver whose message ended with outcome; cause
// is told for what has no error of its own.
func (e *entry) verdict(outcome messages.Outcome, cause error) error {
	if outcome == messages.OutcomeConfirmed {
		return nil
	}
	if cause == nil {
		cause = outcomeErrors[outcome]
	}
	if e.tried {
		return mayHaveArrived(cause)
	}
	return cause
}

var outcomeErrors = map[messages.Outcome]error{
	messages.OutcomeExpired:  messages.ErrExpired,
	messages.OutcomeReplaced: messages.ErrReplaced,
}

// mayHaveArrived returns an ErrUnconfirmed that matches nothing else: every
// other error says that the message did not arrive.
func mayHaveArrived(cause error) error {
	return fmt.Errorf("%w: %v", messages.ErrUnconfirmed, cause)
}

package actors

import (
	"fmt"
	"sync"

	"github.com/tetherws/tether/messages"
)

// entry is an admitted message on its way to its outcome. It is as small as
// can be: under load the sender's core writes it and the actor's reads it,
// and each cache line of it is a wait.
type entry struct {
	prev, next *entry

	data    []byte
	number  uint64  // among the connection's admitted messages
	at      int64   // where it begins in what the socket was given; once begun, the socket's count of messages with it
	expires instant // 0: never
	rare    *rare   // nil: nothing of it

	kind       messages.Kind
	guarantee  messages.Guarantee
	place      place
	tried      bool  // a byte of it may have left on some socket
	superseded bool  // a newer message with its key was admitted
	drops      uint8 // drops in a row that it was the first unconfirmed at
}

// rare is what few messages have.
type rare struct {
	key         string
	incarnation uint64
	broadcast   *broadcast // which it is a part of; nil otherwise
	delivers    bool       // it came by a Deliver
	receipt     receipt    // of that; nil otherwise, and once answered
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
	e.kind, e.guarantee, e.data = m.Kind, m.Guarantee, m.Data
	if m.Key != "" || m.Incarnation != 0 {
		e.rare = &rare{key: m.Key, incarnation: m.Incarnation}
	}
	return e
}

// extra returns what few messages have, to be filled in.
func (e *entry) extra() *rare {
	if e.rare == nil {
		e.rare = &rare{}
	}
	return e.rare
}

func (e *entry) key() string {
	if e.rare == nil {
		return ""
	}
	return e.rare.key
}

func (e *entry) incarnation() uint64 {
	if e.rare == nil {
		return 0
	}
	return e.rare.incarnation
}

// awaited reports whether a Deliver waits for its end.
func (e *entry) awaited() bool { return e.rare != nil && e.rare.receipt != nil }

func (e *entry) broadcast() *broadcast {
	if e.rare == nil {
		return nil
	}
	return e.rare.broadcast
}

func (e *entry) size() int { return len(e.data) }

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
	return fmt.Errorf("%w: %s", messages.ErrUnconfirmed, cause.Error())
}

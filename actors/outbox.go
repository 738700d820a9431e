package actors

import (
	"fmt"

	"github.com/tetherws/tether/messages"
)

// outbox holds what a connection was given for its peer, over all of its
// sockets. A message waits in queue, is in the actor's hands in writing, and,
// where a confirmation is wanted, flies until its pong. All of it is guarded
// by the record's lock.
type outbox struct {
	limits *Outbox

	queue   list // by number; so what was tried before goes ahead
	writing list // by number; taken from the head of the queue
	flight  list
	spare   *entry // used up, in a chain by next

	keys    map[string]*entry // the newest message of each key
	expiry  instant           // no queued message expires before it; 0: none does
	single  bool              // those tried before go alone, to find the poison
	awaits  int               // Delivers whose message was admitted and has no answer yet
	atLeast int               // of the messages held, AtLeastOnce

	held, heldBytes     int // all but those that are gone
	queued, queuedBytes int // of those, never written
	unconfirmed         int // of those, written

	written uint64 // bytes of payload of which one may have left, repeats included
}

// ledger is told the outcome of each message.
type ledger interface {
	ended(*entry, messages.Outcome, error)
}

// add admits e at the end of the queue, in the place of an older message that
// waits with the same key.
func (o *outbox) add(to ledger, e *entry) error {
	older := o.keys[e.key()]
	if err := o.room(e, older); err != nil {
		return err
	}
	if o.waits(older) {
		o.queue.remove(older)
		o.end(to, older, messages.OutcomeReplaced, nil)
	} else if older != nil {
		older.superseded = true
	}
	o.held++
	o.heldBytes += e.size()
	o.queued++
	o.queuedBytes += e.size()
	if e.key() != "" {
		if o.keys == nil {
			o.keys = make(map[string]*entry)
		}
		o.keys[e.key()] = e
	}
	if e.awaited() {
		o.awaits++
	}
	if e.guarantee == messages.AtLeastOnce {
		o.atLeast++
	}
	o.expiry = earliest(o.expiry, e.expires)
	o.queue.pushBack(e)
	return nil
}

// room reports whether e fits, once older has made way if it still can.
func (o *outbox) room(e, older *entry) error {
	held, bytes := o.held+1, o.heldBytes+e.size()
	if o.waits(older) {
		held, bytes = held-1, bytes-older.size()
	}
	switch {
	case e.size() > o.limits.Bytes:
		return fmt.Errorf("%w: %d bytes, room for %d", messages.ErrTooLarge, e.size(), o.limits.Bytes)
	case held > o.limits.Messages || bytes > o.limits.Bytes:
		return messages.ErrQueueFull
	}
	return nil
}

// waits reports whether e is in the queue, and not in the actor's hands.
func (o *outbox) waits(e *entry) bool {
	return e != nil && e.place == queued && (o.writing.len == 0 || e.number > o.writing.tail.number)
}

// take moves what is to be written next to writing, up to so many bytes of
// payload but at least one message.
func (o *outbox) take(bytes int) {
	if !o.single && o.heldBytes <= bytes { // without a look at each
		o.writing, o.queue = o.queue, list{}
		return
	}
	n, last := 0, (*entry)(nil)
	for e := o.queue.head; e != nil && bytes > 0; e = e.next {
		if o.single && o.flight.len+n > 0 {
			break
		}
		o.single = o.single && e.tried
		n, last = n+1, e
		bytes -= e.size()
	}
	o.writing = o.queue.cut(last, n)
}

// wantsConfirmation reports whether a confirmation will be of use.
func (o *outbox) wantsConfirmation() bool {
	return o.atLeast > 0 || o.awaits > 0 || o.flight.len > 0
}

// urgent reports whether a confirmation is worth a ping of its own: somebody
// waits for it, or room gets short.
func (o *outbox) urgent() bool {
	return o.awaits > 0 || 2*o.held > o.limits.Messages || 2*o.heldBytes > o.limits.Bytes
}

// expire ends what has waited too long.
func (o *outbox) expire(to ledger, now instant) {
	if o.expiry == 0 || o.expiry > now {
		return
	}
	o.expiry = 0
	o.sweep(to, func(e *entry) bool {
		if e.expires != 0 && e.expires <= now {
			return true
		}
		o.expiry = earliest(o.expiry, e.expires)
		return false
	})
}

// sweep expires the queued messages that are stale.
func (o *outbox) sweep(to ledger, stale func(*entry) bool) {
	for e := o.queue.head; e != nil; {
		next := e.next
		if stale(e) {
			o.queue.remove(e)
			o.end(to, e, messages.OutcomeExpired, nil)
		}
		e = next
	}
}

// withdraw takes e back if no byte of it can have left.
func (o *outbox) withdraw(to ledger, e *entry) bool {
	if !o.waits(e) || e.tried {
		return false
	}
	o.queue.remove(e)
	o.end(to, e, messages.OutcomeWithdrawn, nil)
	return true
}

// close ends everything that is left.
func (o *outbox) close(to ledger, cause error) {
	for _, l := range []*list{&o.flight, &o.writing, &o.queue} {
		for e := l.popFront(); e != nil; e = l.popFront() {
			o.land(to, e, messages.OutcomeUndelivered, cause)
		}
	}
	o.expiry = 0
}

// end gives e its outcome.
func (o *outbox) end(to ledger, e *entry, outcome messages.Outcome, cause error) {
	e.place = gone
	o.held--
	o.heldBytes -= e.size()
	if e.tried {
		o.unconfirmed--
	} else {
		o.queued--
		o.queuedBytes -= e.size()
	}
	if e.guarantee == messages.AtLeastOnce {
		o.atLeast--
	}
	if key := e.key(); key != "" && o.keys[key] == e {
		delete(o.keys, key)
	}
	to.ended(e, outcome, cause)
	switch {
	case e.rare == nil || !e.rare.delivers:
		*e = entry{next: o.spare}
		o.spare = e
	case outcome != messages.OutcomeWritten:
		o.answer(e, outcome, cause)
	}
}

// recycle gives the entries that were used up back.
func (o *outbox) recycle() {
	if o.spare != nil {
		spares.Put(o.spare)
		o.spare = nil
	}
}

// answer tells a Deliver how its message ended.
func (o *outbox) answer(e *entry, outcome messages.Outcome, cause error) {
	if e.awaited() {
		e.rare.receipt <- e.verdict(outcome, cause)
		e.rare.receipt = nil
		o.awaits--
	}
}

// abandon has e go on without its Deliver.
func (o *outbox) abandon(e *entry) {
	if e.awaited() {
		e.rare.receipt = nil
		o.awaits--
	}
}

package actors

import "github.com/tetherws/tether/messages"

// What becomes of the messages in the actor's hands once they are written, or
// their socket is lost.

// wrote moves what was written out of writing: e began at offset e.at, and
// sent bytes may have left. What did not begin goes back to the queue.
func (o *outbox) wrote(to ledger, sent int64, written uint64) uint64 {
	var back list
	for e := o.writing.popFront(); e != nil; e = o.writing.popFront() {
		if e.at >= sent {
			e.at = 0
			back.pushBack(e)
			continue
		}
		written++
		o.begun(to, e, written)
	}
	o.requeue(to, &back)
	return written
}

func (o *outbox) begun(to ledger, e *entry, mark uint64) {
	e.at = int64(mark)
	o.written += uint64(e.size())
	switch {
	case e.guarantee == messages.AtLeastOnce:
		if !e.tried {
			e.tried = true
			o.queued--
			o.queuedBytes -= e.size()
			o.unconfirmed++
		}
		e.place = flying
		o.flight.pushBack(e)
	case e.awaited():
		o.end(to, e, messages.OutcomeWritten, nil)
		e.tried, e.data = true, nil
		o.flight.pushBack(e)
	default:
		o.end(to, e, messages.OutcomeWritten, nil)
	}
}

// begunAll is wrote for a write that did not return: any byte may have left.
func (o *outbox) begunAll(to ledger, written uint64) uint64 {
	for e := o.writing.head; e != nil; e = e.next {
		e.at = 0
	}
	return o.wrote(to, 1, written)
}

// confirm ends all in flight up to mark.
func (o *outbox) confirm(to ledger, mark uint64) {
	for e := o.flight.head; e != nil && uint64(e.at) <= mark; e = o.flight.head {
		o.flight.remove(e)
		o.land(to, e, messages.OutcomeConfirmed, nil)
	}
}

// land ends e, which is no longer in flight. One that is gone has had its
// outcome when it was written; only its Deliver waits.
func (o *outbox) land(to ledger, e *entry, outcome messages.Outcome, cause error) {
	if e.place == gone {
		o.answer(e, outcome, cause)
		return
	}
	o.end(to, e, outcome, cause)
}

// lost takes back what was in flight on incarnation's socket, which died of
// cause. AtLeastOnce messages go to the head of the queue in their order.
func (o *outbox) lost(to ledger, incarnation uint64, cause error, now instant) {
	var again list
	for e := o.flight.popFront(); e != nil; e = o.flight.popFront() {
		switch {
		case e.place == gone:
			o.answer(e, messages.OutcomeWritten, cause)
		case e.expires != 0 && e.expires <= now:
			o.end(to, e, messages.OutcomeExpired, nil)
		default:
			again.pushBack(e)
		}
	}
	o.requeue(to, &again)
	o.sweep(to, func(e *entry) bool { return e.incarnation() != 0 && e.incarnation() <= incarnation })
}

// requeue puts entries back to the head of the queue in their order, but for
// those that a newer one with the same key has made needless.
func (o *outbox) requeue(to ledger, entries *list) {
	for e := entries.tail; e != nil; e = entries.tail {
		entries.remove(e)
		if e.superseded {
			o.end(to, e, messages.OutcomeReplaced, nil)
			continue
		}
		e.place = queued
		o.expiry = earliest(o.expiry, e.expires)
		o.queue.pushFront(e)
	}
}

// taken confirms what the lost socket was given up to mark, by the word of the
// peer that has returned. What is left has no mark any more: on the next socket
// it would mean another message.
func (o *outbox) taken(to ledger, mark uint64) {
	for e := o.queue.head; e != nil; {
		next := e.next
		if e.at > 0 && uint64(e.at) <= mark {
			o.queue.remove(e)
			o.land(to, e, messages.OutcomeConfirmed, nil)
		} else {
			e.at = 0
		}
		e = next
	}
}

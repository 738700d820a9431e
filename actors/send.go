package actors

import (
	"context"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/tetherws/tether/messages"
)

// Send admits a message for the connection into its outbox, whatever the
// state of its socket. It never blocks. Nil means admitted; otherwise the
// message was not, and the error is one of [messages.ErrQueueFull],
// [messages.ErrTooLarge], [messages.ErrInvalid], [messages.ErrExpired] (the
// socket it is tied to is gone), [messages.ErrClosed],
// [messages.ErrUnknownConnection] and [messages.ErrShutdown].
func (m *Manager) Send(id messages.ID, msg messages.Message) error {
	if m.stopping.Load() {
		return messages.ErrShutdown
	}
	r, err := m.lookup(id)
	if err != nil {
		return err
	}
	return m.sendTo(r, msg)
}

func (m *Manager) sendTo(r *record, msg messages.Message) error {
	if m.stopping.Load() {
		return messages.ErrShutdown
	}
	if err := validate(msg); err != nil {
		return err
	}
	return r.send(newEntry(msg), msg.TTL)
}

// Deliver sends a message and waits: first for room in the outbox, then for
// the peer's confirmation, which nil reports. [messages.ErrUnconfirmed] alone
// says that the message may have arrived: its socket died, or ctx ended,
// after it was written. After every other error it did not and will not: when
// ctx ends before the write the message is withdrawn.
//
// An AtLeastOnce message that was written stays with the connection when ctx
// ends. Deliver must not be called from the connection's own handler.
func (m *Manager) Deliver(ctx context.Context, id messages.ID, msg messages.Message) error {
	if m.stopping.Load() {
		return messages.ErrShutdown
	}
	r, err := m.lookup(id)
	if err != nil {
		return err
	}
	if err := validate(msg); err != nil {
		return err
	}
	answer := newReceipt()
	e := newEntry(msg)
	e.extra().delivers, e.extra().receipt = true, answer
	if err := r.admitWithin(ctx, e, msg.TTL); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
	}
	return r.giveUp(e, answer, ctx.Err())
}

// giveUp ends a Deliver whose context ended with cause.
func (r *record) giveUp(e *entry, answer receipt, cause error) error {
	r.mu.Lock()
	defer r.unlock()
	select {
	case err := <-answer: // it came just now
		return err
	default:
	}
	if r.outbox.withdraw(r, e) {
		return cause
	}
	r.outbox.abandon(e)
	return mayHaveArrived(cause)
}

// send admits e and has the actor write it.
func (r *record) send(e *entry, ttl time.Duration) error {
	r.mu.Lock()
	err := r.admit(e, ttl)
	r.unlock()
	if err != nil {
		*e = entry{}
		spares.Put(e)
	}
	return err
}

// admit puts e into the outbox. mu is held.
func (r *record) admit(e *entry, ttl time.Duration) error {
	if r.state == messages.Closing || r.state == messages.Closed {
		return messages.ErrClosed
	}
	if err := r.checkIncarnation(e.incarnation()); err != nil {
		return err
	}
	if r.resume != nil {
		e.guarantee = messages.AtLeastOnce
	}
	if ttl == 0 {
		ttl = r.m.config.Outbox.TTL
	}
	if ttl > 0 {
		e.expires = r.m.now().add(ttl)
	}
	e.number = r.counts.admitted + 1
	if err := r.outbox.add(r, e); err != nil {
		return err
	}
	r.counts.admitted++
	r.m.totals.of(r.id).admitted.Add(1)
	if e.expires != 0 {
		r.rearm()
	}
	r.wake()
	return nil
}

// checkIncarnation refuses a message that is tied to a socket that is gone,
// or not there yet.
func (r *record) checkIncarnation(tied uint64) error {
	switch {
	case tied == 0:
		return nil
	case tied > r.incarnation:
		return invalid("incarnation %d has not begun", tied)
	case tied < r.incarnation || r.link == nil && r.state != messages.Connecting:
		return messages.ErrExpired
	}
	return nil
}

// admitWithin waits for room, in turn with other Delivers, until ctx ends.
func (r *record) admitWithin(ctx context.Context, e *entry, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	if len(r.admits) == 0 {
		if err := r.admit(e, ttl); err != messages.ErrQueueFull { //nolint:errorlint // the sentinel itself
			r.unlock()
			return err
		}
	}
	turn := make(chan struct{}, 1)
	r.admits = append(r.admits, turn)
	r.unlock()
	defer r.leaveLine(turn)
	for {
		select {
		case <-turn:
		case <-ctx.Done():
			return ctx.Err()
		}
		r.mu.Lock()
		err := r.admit(e, ttl)
		r.unlock()
		if err != messages.ErrQueueFull { //nolint:errorlint // the sentinel itself
			return err
		}
	}
}

// admitNext has the first Deliver that waits for room look whether there is
// some. It stays the first until it leaves. mu is held.
func (r *record) admitNext() {
	if len(r.admits) == 0 {
		return
	}
	select {
	case r.admits[0] <- struct{}{}:
	default: // it has not looked since the last time
	}
}

// leaveLine gives up a place among the Delivers that wait for room. What room
// is left is for the next.
func (r *record) leaveLine(turn chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.admits, turn)
	r.admits = slices.Delete(r.admits, i, i+1)
	r.admitNext()
}

// validate checks what a message claims of itself.
func validate(m messages.Message) error {
	switch {
	case m.Kind != messages.KindText && m.Kind != messages.KindBinary:
		return invalid("message kind %d is neither text nor binary", m.Kind)
	case m.TTL < 0:
		return invalid("message TTL is negative: %v", m.TTL)
	case m.Guarantee > messages.AtLeastOnce:
		return invalid("message guarantee %d is unknown", m.Guarantee)
	case m.Kind == messages.KindText:
		return validText(m.Data, "message")
	}
	return nil
}

// validText refuses text that the peer would have to close over (RFC 6455,
// section 8.1).
func validText(text []byte, what string) error {
	if !utf8.Valid(text) {
		return invalid("%s is text and not UTF-8", what)
	}
	return nil
}

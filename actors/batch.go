package actors

import (
	"time"

	"github.com/tetherws/tether/messages"
)

// batch is what the actor writes at once. What answers the peer goes ahead of
// the data, and a ping behind it, since it asks after all that was written.
type batch struct {
	answers []messages.Message
	pongs   pongs
	data    *list
	pings   bool
	beats   bool // a beat of the embedder's is to be made, to go among the answers
	ping    []byte
}

func (b *batch) empty() bool {
	return len(b.pongs) == 0 && len(b.answers) == 0 && b.data.len == 0 && !b.pings
}

// nextBatch takes what the actor is to write now. There is none without a
// socket, or after the close frame.
func (r *record) nextBatch() (l *link, b batch) {
	r.mu.Lock()
	defer r.unlock()
	r.waking = false
	l = r.link
	if l == nil || l.broken != nil || l.told.Load() || r.closing != nil && r.closing.fault != nil {
		return nil, b
	}
	now := r.m.now()
	l.called = false
	b = batch{pongs: l.pongs, answers: l.answers, data: &r.outbox.writing}
	l.pongs, l.answers = nil, nil
	r.outbox.expire(r, now)
	r.outbox.take(mostHeld)
	r.addBeat(l, &b)
	due := r.pingDue(l, r.outbox.wantsConfirmation())
	if b.pings = b.pings || due != 0 && now >= due; b.pings {
		b.ping = r.newPing(l, now)
	}
	if b.empty() {
		r.rearm() // no settle will
	}
	return l, b
}

// settle takes back what the actor has written: the first sent bytes of all.
func (r *record) settle(l *link, sent int64) {
	r.mu.Lock()
	defer r.unlock()
	l.written = r.outbox.wrote(r, sent, l.written)
	if r.outbox.flight.len > 0 && l.since == 0 {
		l.since = r.m.now()
	}
	if r.outbox.queue.len > 0 {
		r.wake()
	}
	r.rearm()
}

// write sends b, with one write where it fits. Each entry is told where it
// begins; the first result says how many bytes may have left.
func (l *link) write(b *batch, timeout time.Duration) (sent int64, err error) {
	l.sender.begin(timeout)
	for _, m := range b.answers { // of which a welcome comes before everything
		l.sender.message(byte(m.Kind), m.Data)
	}
	for payload := range b.pongs.all {
		l.sender.frame(opPong, payload)
	}
	for e := b.data.head; e != nil; e = e.next {
		l.sender.data(e)
	}
	if b.pings {
		l.sender.frame(opPing, b.ping)
	}
	return l.sender.flush()
}

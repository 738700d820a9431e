package actors

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// confirmations are the numbered pings of a socket and their pongs. There is
// one kind of ping, for heartbeat and confirmation alike, and one outstanding
// at a time. RFC 6455, section 5.5.3, lets a peer answer only the latest one,
// and some drop a pong when their writer is busy: so one that is unanswered is
// followed by a newer one.
type confirmations struct {
	written  uint64        // data messages wholly written
	pings    uint32        // sent
	answered uint32        // the latest ping that was answered
	pinged   uint64        // the number in the latest ping
	pingedAt instant       // 0: none yet
	since    instant       // messages have waited for a numbered pong since then; 0: none wait
	rtt      time.Duration // of the last answered ping
}

const (
	pingAgain = time.Second           // an unanswered ping is followed by a newer one
	pingGap   = 20 * time.Millisecond // between pings, unless somebody waits or room gets short
)

// pingDue is when the next ping may go, if messages wait for one.
func (r *record) pingDue(l *link, wait bool) instant {
	outstanding := l.answered < l.pings
	switch {
	case outstanding && (wait || l.unanswered()):
		return l.pingedAt.add(pingAgain)
	case outstanding || !wait:
		return 0
	case l.pingedAt == 0 || r.outbox.urgent():
		return l.opened
	}
	return l.pingedAt.add(pingGap)
}

// confirmDue is when messages have waited too long for a numbered pong.
func (r *record) confirmDue(l *link) instant {
	if l.since == 0 {
		return 0
	}
	return l.since.add(r.settings.heartbeat.Timeout)
}

// unconfirmed is why a socket fails whose messages were not confirmed: the
// peer is silent altogether, or it lives and answers no ping.
func (l *link) unconfirmed() error {
	if l.alive() > l.since {
		return messages.ErrUnconfirmed
	}
	return fmt.Errorf("%w: %w", messages.ErrUnconfirmed, messages.ErrHeartbeatTimeout)
}

// newPing numbers a ping that follows what is in the actor's hands.
func (r *record) newPing(l *link, now instant) []byte {
	l.pings++
	l.pinged = l.written + uint64(r.outbox.writing.len)
	l.pingedAt = now
	return pingPayload(l.pings, l.incarnation, l.pinged)
}

// ponged passes on a pong that confirms something new. Any other is a sign of
// life only, and the wire has stamped it.
func (r *record) ponged(l *link, payload []byte) {
	pong, ok := parsePong(payload)
	if !ok || pong.Incarnation != l.incarnation {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if pong.Ping <= l.answered || pong.Ping > l.pings || pong.Number > l.pinged {
		return
	}
	l.answered = pong.Ping
	if l.since != 0 {
		l.since = r.m.now() // the actor may be in a write for long
	}
	if pong.Ping == l.pings {
		l.rtt = max(1, r.m.now().sub(l.pingedAt))
		r.m.totals.of(r.id).answered(l.rtt)
	}
	r.post(pong)
}

// confirm ends what a numbered pong confirms, and reports whether the actor
// has something to write now.
func (r *record) confirm(pong messages.Pong) bool {
	r.mu.Lock()
	defer r.unlock()
	l, now := r.link, r.m.now()
	if l == nil || l.incarnation != pong.Incarnation {
		return false
	}
	r.failures.Unanswered = 0
	r.outbox.confirm(r, pong.Number)
	if r.resume != nil {
		r.resume.ponged(pong.Number)
	}
	l.since = 0
	flying := r.outbox.flight.len > 0
	if flying {
		l.since = now
	}
	r.rearm()
	due := r.pingDue(l, flying)
	return r.outbox.single || r.closing != nil || due != 0 && due <= now
}

// A ping carries its place among its socket's pings, the incarnation, and the
// number of data messages that were wholly written before it.
const pingSize = 4 + 8 + 8

func pingPayload(ping uint32, incarnation, number uint64) []byte {
	b := make([]byte, 0, pingSize)
	b = binary.BigEndian.AppendUint32(b, ping)
	b = binary.BigEndian.AppendUint64(b, incarnation)
	return binary.BigEndian.AppendUint64(b, number)
}

func parsePong(b []byte) (messages.Pong, bool) {
	if len(b) != pingSize {
		return messages.Pong{}, false
	}
	return messages.Pong{
		Ping:        binary.BigEndian.Uint32(b),
		Incarnation: binary.BigEndian.Uint64(b[4:]),
		Number:      binary.BigEndian.Uint64(b[12:]),
	}, true
}

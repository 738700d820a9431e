package actors

import (
	"time"

	"github.com/tetherws/tether/messages"
)

// rhythm is the heartbeat of a socket.
type rhythm struct {
	opened  instant
	first   instant // when the first beat is due, unless a frame comes before
	sentAt  instant // of the beat that is unanswered; 0: none
	due     bool    // a beat is to be written
	proof   bool    // the beat that may prove health was sent
	beatOut bool    // a beat by application message is out, and no message came since
	paused  bool    // the reader waits for the handler, so silence means nothing
	resumed instant // when it last went on
	called  bool    // a Tick is on its way to the actor
}

// begin starts the clocks of a socket that has just opened.
func (l *link) begin(now instant, u float64, h Heartbeat) {
	l.opened = now
	l.first = now.add(time.Duration(u * float64(h.Idle)))
	l.wire.life.Store(0)
}

// heard is when bytes last came in; 0: never since the opening.
func (l *link) heard() instant { return instant(l.wire.life.Load()) }

// alive is since when the peer has had time to be heard, and was not.
func (l *link) alive() instant { return max(l.heard(), l.opened, l.resumed) }

// resume starts the clocks anew after the reader had to wait.
func (l *link) resume(now instant) {
	l.paused, l.resumed = false, now
	l.sentAt = 0
	if l.since != 0 {
		l.since = now
	}
}

// beatDue is when the next beat is to be sent: after Idle without a frame, or
// when its answer can prove that the connection has recovered.
func (r *record) beatDue(l *link) (due instant) {
	if l.due || l.unanswered() {
		return 0
	}
	life, h := l.alive(), r.settings.heartbeat
	switch {
	case h.Off:
	case l.heard() == 0 && l.resumed == 0:
		due = l.first
	default:
		due = life.add(h.Idle)
	}
	proof := l.opened.add(r.settings.restart.HealthyAfter)
	if !l.proof && r.failures.Attempt > 0 && l.heard() < proof {
		due = earliest(due, proof)
	}
	return due
}

func (l *link) unanswered() bool { return l.sentAt != 0 && l.alive() < l.sentAt }

// silenceDue is when the answer to a beat is overdue.
func (r *record) silenceDue(l *link) instant {
	if !l.unanswered() {
		return 0
	}
	return l.sentAt.add(r.settings.heartbeat.Timeout)
}

func (r *record) startBeat(l *link, now instant) {
	l.due = true
	l.proof = l.proof || now >= l.opened.add(r.settings.restart.HealthyAfter)
	if !r.settings.heartbeat.Off {
		l.sentAt = now
	}
}

// addBeat has b carry a beat that is due. mu is held.
func (r *record) addBeat(l *link, b *batch) {
	if !l.due {
		return
	}
	l.due = false
	if r.settings.heartbeat.Beat == nil {
		// A ping that is out will do: there is one at a time.
		b.pings = l.answered == l.pings || r.m.now() >= l.pingedAt.add(pingAgain)
		return
	}
	b.beats = true
}

// makeBeat asks the embedder for the beat that b is to carry. mu is not held.
func (r *record) makeBeat(l *link, b *batch) {
	m, _, err := safely(func() (messages.Message, bool) { return r.settings.heartbeat.Beat(), true })
	if err == nil && m.Kind != messages.KindText && m.Kind != messages.KindBinary {
		err = invalid("Heartbeat.Beat made no message")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.report(l.incarnation, &messages.HandlerError{Err: err})
		return
	}
	l.beatOut = true
	b.answers = append(b.answers, m)
}

// resetIfHealthy forgets the failures once the socket has proven itself: a
// frame came long enough after its opening.
func (r *record) resetIfHealthy() {
	if r.healthy() {
		r.failures = r.settings.restart.Healthy(r.failures)
	}
}

// healthy reports whether the present socket has proven itself. mu is held.
func (r *record) healthy() bool {
	return r.link != nil && r.link.heard() >= r.link.opened.add(r.settings.restart.HealthyAfter)
}

// safely calls the embedder's f and turns a panic into an error.
func safely(f func() (messages.Message, bool)) (m messages.Message, ok bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &messages.PanicError{Value: p}
		}
	}()
	m, ok = f()
	return m, ok, nil
}

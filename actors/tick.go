package actors

import "github.com/tetherws/tether/messages"

// tick does what is due on r and sees to it that it is called again. It runs
// on the pacemaker, so that an actor blocked in a write delays nothing; what
// is to be written it leaves to the actor.
func (r *record) tick(now instant) {
	r.mu.Lock()
	defer r.unlock()
	r.outbox.expire(r, now)
	r.checkHandler(now)
	if l := r.link; l != nil && l.cause == nil {
		r.checkSocket(l, now)
	}
	r.rearm()
}

// rearm asks the pacemaker for the next tick that r needs. mu is held.
func (r *record) rearm() { r.m.pacemaker.arm(r, r.nextDue()) }

func (r *record) nextDue() instant {
	due := r.outbox.expiry
	l := r.link
	if l != nil && r.inbox.began != 0 {
		due = earliest(due, r.inbox.began.add(r.m.config.HandlerTimeout))
	}
	if l == nil || l.cause != nil {
		return due
	}
	if r.closing != nil {
		due = earliest(due, r.closing.due(l))
	}
	if l.paused {
		return due // resuming asks anew
	}
	due = earliest(due, r.silenceDue(l), r.confirmDue(l))
	if l.called {
		return due // the actor will ask anew
	}
	return earliest(due, r.beatDue(l), r.pingDue(l, r.outbox.flight.len > 0))
}

// checkHandler fails the connection whose handler takes too long; while it has
// no socket, the next one.
func (r *record) checkHandler(now instant) {
	if r.link != nil && r.inbox.began != 0 && now >= r.inbox.began.add(r.m.config.HandlerTimeout) {
		r.inbox.began = 0
		r.report(r.incarnation, &messages.HandlerError{Err: messages.ErrHandlerStalled})
	}
}

// checkSocket cuts the socket of a peer that is silent, and has the actor
// write what is due.
func (r *record) checkSocket(l *link, now instant) {
	passed := func(due instant) bool { return due != 0 && now >= due }
	switch {
	case r.closing != nil && passed(r.closing.deadline):
		r.closing.late = true
		r.cut(l, errCloseLate)
	case l.paused:
	case passed(r.silenceDue(l)):
		r.cut(l, messages.ErrHeartbeatTimeout)
	case passed(r.confirmDue(l)):
		r.cut(l, l.unconfirmed())
	}
	if l.cause != nil || l.called {
		return
	}
	if !l.paused && passed(r.beatDue(l)) {
		r.startBeat(l, now)
	}
	pings := l.due || !l.paused && passed(r.pingDue(l, r.outbox.flight.len > 0))
	if pings || r.closing != nil && passed(r.closing.due(l)) {
		l.called = true
		r.post(messages.Tick{Incarnation: l.incarnation})
	}
}

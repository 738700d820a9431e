package actors

import (
	"errors"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

// drop ends incarnation's socket, or its attempt to get one, and says what the
// supervisor is to do. over is false while an accepted client that was told
// why it is dropped has a moment to go.
func (r *record) drop(incarnation uint64, cause error) (verdict supervision.Directive, over bool) {
	r.mu.Lock()
	defer r.unlock()
	stop := supervision.Directive{Stop: true, Incarnation: incarnation}
	switch {
	case r.state == messages.Closed || r.incarnation != incarnation:
		return stop, true
	case r.state == messages.Closing:
		r.finish(r.closing.end(cause))
		return stop, true
	case r.target != nil:
	case r.resume != nil && comesBack(cause) && r.m.mayDetach():
		return r.detach(cause), true
	default:
		return stop, r.dropAccepted(cause)
	}
	if end := (quit{}); errors.As(cause, &end) {
		r.finish(end.CloseError)
		return stop, true
	}
	var peer *messages.PeerCloseError
	if r.returns() && errors.As(cause, &peer) && peer.Code == CloseTakenOver {
		r.finish(&messages.CloseError{Code: peer.Code, Reason: peer.Reason, Remote: true, Err: cause})
		return stop, true
	}
	r.dropDialed(cause)
	return supervision.Directive{Delay: r.delay(), Incarnation: incarnation}, true
}

// quit is the failure of an attempt whose Request, Hello or Ready returned a
// CloseError: the connection is to be closed for good, with its code and
// reason.
type quit struct{ *messages.CloseError }

// dropAccepted ends an accepted connection. A client that was told why is
// given a moment to read it: then it reports false.
func (r *record) dropAccepted(cause error) bool {
	end := &messages.CloseError{Code: 1006, Err: cause}
	var peer *messages.PeerCloseError
	if errors.As(cause, &peer) {
		end.Code, end.Reason, end.Remote = peer.Code, peer.Reason, true
	} else if code, reason, ours := farewell(cause); ours && (r.link == nil || r.link.left) {
		end.Code, end.Reason = code, reason
	} else if ours {
		r.closing = &closing{code: code, reason: reason, fault: cause, deadline: r.m.now().add(lingering)}
		r.become(messages.Closing, cause)
		r.calls(call{kind: callDropped, link: r.link, err: cause})
		r.inbox.interrupt()
		r.link.wire.hangUp()
		r.rearm()
		return false
	}
	r.finish(end)
	return true
}

// dropDialed decides, by the policy, when a dialed connection tries again.
func (r *record) dropDialed(cause error) {
	r.resetIfHealthy()
	r.loseLink(cause)
	now := r.m.now()
	verdict, failures := r.settings.restart.Decide(r.failures, r.m.wall(now), cause, r.m.random(r.id))
	r.failures, r.cause = failures, cause
	r.next = now.add(verdict.Delay)
	state := messages.Backoff
	if verdict.Action == supervision.Park {
		state = messages.Parked
	}
	r.become(state, cause)
	r.rearm()
}

// hold keeps the whole pool back if the server asked for that by err.
func (r *record) hold(err error) {
	r.mu.Lock()
	verdict, _ := r.settings.restart.Decide(r.failures, r.m.wall(r.m.now()), err, 0)
	r.mu.Unlock()
	r.m.governor.Hold(r.target.pool(r.id), verdict.Hold)
}

// loseLink takes back what the socket did not get confirmed, and lets it go.
func (r *record) loseLink(cause error) {
	if r.attempt != nil {
		r.attempt.stop()
		r.attempt = nil
	}
	r.failures.Unconfirmed = 0
	l := r.link
	if l == nil {
		r.outbox.lost(r, r.incarnation, cause, r.m.now())
		return
	}
	l.written = r.outbox.begunAll(r, l.written)
	if r.resume != nil {
		r.resume.written = l.written
	}
	if r.target != nil { // an accepted client that drops blames no message
		r.failures.Unconfirmed = r.outbox.suspect(r, cause)
	}
	r.outbox.lost(r, l.incarnation, cause, r.m.now())
	r.lastPeer, r.rtt = l.peer(), l.rtt
	r.link = nil
	l.end(l.told.Load())
	r.inbox.interrupt()
	r.calls(call{kind: callDropped, link: l, err: cause})
}

// delay is how long until the next attempt. A Retry that came before the
// supervisor heard of the failure is heeded here.
func (r *record) delay() (d time.Duration) {
	if !r.hurry && r.next > r.m.now() {
		d = time.Duration(r.next - r.m.now())
	}
	return d
}

// decide answers the supervisor about the failure of r's actor. A failure
// that is not one of the actor's own is a panic, a fault of this package.
func (r *record) decide(reason any) supervision.Directive {
	if f, ok := reason.(failure); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		f.directive.Stop = f.directive.Stop || r.state == messages.Closed
		if r.hurry {
			f.directive.Delay = 0
		}
		return f.directive
	}
	r.mu.Lock()
	incarnation := r.incarnation
	r.mu.Unlock()
	cause := &messages.HandlerError{Err: &messages.PanicError{Value: reason}}
	verdict, over := r.drop(incarnation, cause)
	if !over { // nobody is left to wait for the client to go
		r.drop(incarnation, cause)
	}
	verdict.Incarnation = 0
	return verdict
}

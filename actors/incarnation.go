package actors

import (
	"errors"
	"net"
	"os"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/tetherws/tether/messages"
)

// begin starts an incarnation and its attempt to open a socket. It reports
// false if the connection is over. An accepted connection has its socket
// already, or else its client did not come back in time.
func (r *record) begin(self *actor.PID) bool {
	r.mu.Lock()
	defer r.unlock()
	if r.state == messages.Closed {
		return false
	}
	r.pid, r.waking = self, false
	r.next, r.hurry = 0, false
	if r.target == nil {
		if r.link == nil {
			r.finish(&messages.CloseError{Code: 1006, Err: r.cause})
		}
		return r.link != nil
	}
	r.incarnation++
	if r.state != messages.Connecting {
		r.become(messages.Connecting, nil)
	}
	r.attempt = newAttempt(r)
	return true
}

// adopt makes l the connection's socket, unless the connection has moved on.
func (r *record) adopt(l *link) bool {
	r.mu.Lock()
	defer r.unlock()
	if r.state != messages.Connecting || r.incarnation != l.incarnation || r.link != nil {
		return false
	}
	r.open(l)
	return true
}

// open begins the life of l as the connection's socket. mu is held.
func (r *record) open(l *link) {
	r.attempt = nil
	r.link = l
	l.begin(r.m.now(), r.m.random(r.id), r.settings.heartbeat)
	if r.resume != nil && r.target == nil {
		r.greet(l)
	}
	r.become(messages.Open, nil)
	r.calls(call{kind: callOpened, link: l})
	r.m.running.Add(1)
	go r.read(l)
	r.rearm()
	r.wake()
}

// refuse ends a socket that did not become the connection's.
func (r *record) refuse(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.end(false)
}

func (r *record) current(incarnation uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.incarnation == incarnation
}

func (r *record) socket() *link {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.link
}

// reason is why the socket really failed: what it was cut for, rather than
// the error that the cut made, or what the peer said.
func (r *record) reason(l *link, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.cause != nil {
		return l.cause
	}
	_, _, told := farewell(err)
	if l.broken != nil && !told && !errors.Is(l.broken, net.ErrClosed) { // which its reader has closed, because of err
		return l.broken
	}
	return err
}

// hearsOut reports whether the failure of a write to l is left to the reader
// to report, within a moment: a peer that sends a close frame and goes, while
// we write, is first noticed by the write, and its frame is still to be read.
func (r *record) hearsOut(l *link, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.cause != nil || l.ended || l.paused && !l.hearing || errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	l.broken = err
	l.wire.setReadDeadline(lingering)
	return true
}

// isCalling reports whether a is in one of the embedder's callbacks.
func (r *record) isCalling(a *attempt) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calling == a && a.callback
}

// attemptFailed tells the actor of the failure of its attempt.
func (r *record) attemptFailed(a *attempt, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.attempt == a {
		r.report(a.about.Incarnation, err)
	}
}

// failedEarly takes over why the socket failed before its actor was there.
func (r *record) failedEarly() (*link, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.link == nil {
		return nil, nil
	}
	cause := r.link.cause
	r.link.cause = nil // a cut it is not: the socket may have to be cut yet
	return r.link, cause
}

package actors

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

// The return of an accepted client, and the wait for it.

// recognise returns the connection that o's client may return to; nil is none.
func (m *Manager) recognise(o offer, c Client) *record {
	if !o.known || !c.ID.IsZero() && c.ID != o.id {
		return nil
	}
	r := m.table.get(o.id)
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if valid, _ := r.knows(o, c.Owner); !valid {
		return nil
	}
	return r
}

// knows reports whether o's client may return to r as it is now, and whether
// it does so with the newest token. mu is held.
func (r *record) knows(o offer, owner string) (valid, newest bool) {
	s := r.resume
	if s == nil || s.owner != owner || r.state != messages.Open && r.state != messages.Detached {
		return false, false
	}
	return s.tokens.match(o.digest)
}

// comeBack makes l the socket of r, in the place of any other, for the client
// that made o. It reports false if the connection is over, or the token is not
// valid any more. It blocks for little more than two seconds for each socket that
// has its turn before.
func (r *record) comeBack(l *link, o offer, owner string) bool {
	r.resume.turn <- struct{}{}
	defer func() { <-r.resume.turn }()
	r.awaitProof(o, owner)
	valid, newest := r.vacate(o, owner)
	return valid && r.readopt(l, o, newest)
}

// awaitProof gives the present socket a moment to prove itself, if o's client
// comes without the token that was issued there. After a stall of ours many
// handshakes of one client may be waiting, most of them given up: one of those
// must not take over from the socket that the client has at last.
func (r *record) awaitProof(o offer, owner string) {
	r.mu.Lock()
	valid, newest := r.knows(o, owner)
	if !valid || newest || r.link == nil {
		r.mu.Unlock()
		return
	}
	proven := make(chan struct{})
	r.resume.proven = proven
	detached := r.await(messages.Detached)
	r.mu.Unlock()
	select {
	case <-proven:
	case <-detached.done:
	case <-time.After(lingering):
	}
	r.leave(detached)
}

// vacate ends the present socket, if there is one, to make way for o's client.
func (r *record) vacate(o offer, owner string) (valid, newest bool) {
	r.mu.Lock()
	valid, newest = r.knows(o, owner)
	l := r.link
	if !valid || l == nil {
		r.mu.Unlock()
		return valid, newest
	}
	detached := r.await(messages.Detached)
	r.report(l.incarnation, messages.ErrTakenOver)
	r.mu.Unlock()
	select {
	case <-detached.done:
	case <-time.After(lingering): // the actor is in a write, or closes
		if !r.cutOpen(l, messages.ErrTakenOver) && r.leave(detached) {
			return false, newest
		}
		<-detached.done
	}
	return detached.reached, newest
}

// cutOpen cuts l if it is the connection's open socket, and says whether.
func (r *record) cutOpen(l *link, cause error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.link != l || r.state != messages.Open {
		return false
	}
	r.cut(l, cause)
	return true
}

// readopt makes l the socket of a connection that waits for its client.
func (r *record) readopt(l *link, o offer, newest bool) bool {
	r.mu.Lock()
	defer r.unlock()
	if r.state != messages.Detached {
		return false
	}
	s := r.resume
	var taken uint64 // of what the last socket was given
	if newest && o.handled > s.before {
		taken = min(o.handled-s.before, s.written)
	}
	// What pongs have confirmed is gone: if the client has not handled it, it
	// shall see that.
	r.renumber(taken, max(s.before+taken, s.confirmed))
	s.tokens.used(o.digest)
	r.incarnation++
	l.incarnation, l.rejoined = r.incarnation, true
	r.next, r.hurry = 0, true
	r.open(l)
	r.m.system.Root.Send(r.m.supervisor, retry{r})
	return true
}

// greet has the welcome be the first that l is given, and asks for a sign that
// it has arrived. mu is held.
func (r *record) greet(l *link) {
	s := r.resume
	text, _ := json.Marshal(welcome{ // of these it can't fail
		Tether: version, ID: r.id, Token: s.tokens.issue(r.id),
		Resumed: l.rejoined, Next: s.before + 1, Received: s.received,
	})
	l.answers = []messages.Message{{Kind: messages.KindText, Data: text}}
	l.due = true
}

// mayDetach reports whether one more connection may wait for its client.
func (m *Manager) mayDetach() bool { return m.Stats().In(messages.Detached) < m.config.MaxDetached }

// detach ends the socket of a client that may come back, and says for how long
// its actor waits.
func (r *record) detach(cause error) supervision.Directive {
	r.loseLink(cause)
	r.cause = cause
	r.next = r.m.now().add(r.resume.window)
	r.become(messages.Detached, cause)
	r.rearm()
	return supervision.Directive{Delay: r.delay(), Incarnation: r.incarnation}
}

// comesBack reports whether the client of a socket that ended for cause may
// return: not if it said that it won't, nor if either side is at fault.
func comesBack(cause error) bool {
	var peer *messages.PeerCloseError
	if errors.As(cause, &peer) {
		switch peer.Code {
		case websocket.CloseNormalClosure,
			websocket.CloseProtocolError, websocket.CloseUnsupportedData,
			websocket.CloseInvalidFramePayloadData, websocket.ClosePolicyViolation,
			websocket.CloseMessageTooBig, websocket.CloseMandatoryExtension, websocket.CloseInternalServerErr:
			return false
		}
		return true
	}
	code, _, ours := farewell(cause)
	return !ours || code == CloseTakenOver
}

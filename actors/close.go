package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
)

// closing is a close that is under way: deliberate, or, with fault, because
// an accepted client is told why it is dropped. It is guarded by the record's
// lock.
type closing struct {
	code     int
	reason   string
	fault    error   // nil: deliberate
	settle   instant // the close frame waits for confirmations until then
	deadline instant // the socket is cut then
	own      bool    // the deadline is ours, and starts anew with the close frame
	late     bool    // the socket was cut
}

var errCloseLate = errors.New("the close handshake took too long")

// due is when the next step of closing l is to be taken anyway. What the actor
// was called for already waits for it.
func (c *closing) due(l *link) instant {
	if l.told.Load() || l.called {
		return c.deadline
	}
	return earliest(c.settle, c.deadline)
}

// end is what is told of a closing connection whose socket ended with cause.
func (c *closing) end(cause error) *messages.CloseError {
	end := &messages.CloseError{Code: c.code, Reason: c.reason, Err: c.fault}
	if c.late && end.Err == nil {
		end.Err = cause
	}
	return end
}

// Close closes the connection for good: it refuses new sends, writes the
// queue, sends a close frame with the code and reason and waits for the
// peer's, until ctx ends; then it cuts the socket and returns ctx's error.
// Without a socket the connection is closed at once. Either way it is Closed
// when Close returns. A second Close waits for the first, or for its own ctx.
//
// Code 0 is 1000. A code that may not be sent (RFC 6455, section 7.4), or a
// reason over 123 bytes, is [messages.ErrInvalid] and changes nothing; so is
// an ID that is unknown or closed, with [messages.ErrUnknownConnection] or
// [messages.ErrClosed]. Where ctx has no deadline, the close frame's answer
// may take Config.HandshakeTimeout.
func (m *Manager) Close(ctx context.Context, id messages.ID, code int, reason string) error {
	code, err := closeCode(code, reason)
	if err != nil {
		return err
	}
	r, err := m.lookup(id)
	if err != nil {
		return err
	}
	return r.closeAndWait(ctx, code, reason, false)
}

// closeAndWait closes r or waits for a close that is under way, which it cuts
// short only if insistent.
func (r *record) closeAndWait(ctx context.Context, code int, reason string, insistent bool) error {
	var deadline instant
	if at, ok := ctx.Deadline(); ok {
		deadline = r.m.now().add(max(1, time.Until(at)))
	}
	r.mu.Lock()
	first := r.beginClose(code, reason, deadline)
	w := r.await(messages.Closed)
	r.unlock()
	select {
	case <-w.done:
	case <-ctx.Done():
		if !first && !insistent && r.leave(w) {
			return ctx.Err()
		}
		r.cutClosing(ctx.Err())
		<-w.done // the actor sees the cut at once
	}
	return r.closeResult(ctx)
}

// beginClose starts the deliberate close, and reports false if one is under
// way. deadline 0 is one of our own. mu is held.
func (r *record) beginClose(code int, reason string, deadline instant) bool {
	switch {
	case r.state == messages.Closed || r.state == messages.Closing:
		return false
	case r.link == nil:
		r.finish(&messages.CloseError{Code: code, Reason: reason})
		return true
	}
	now := r.m.now()
	c := &closing{code: code, reason: reason, deadline: deadline, own: deadline == 0}
	if c.own {
		c.settle = now.add(r.settings.heartbeat.Timeout)
		c.deadline = c.settle.add(r.m.config.HandshakeTimeout)
	} else {
		c.settle = now.add(min(r.settings.heartbeat.Timeout, deadline.sub(now)/2))
	}
	r.closing = c
	r.become(messages.Closing, nil)
	r.post(messages.Close{})
	r.inbox.interrupt()
	r.rearm()
	r.admitNext() // is refused now, and so the whole line
	return true
}

// cutClosing ends the wait for the close handshake.
func (r *record) cutClosing(cause error) {
	r.mu.Lock()
	defer r.unlock()
	if r.closing != nil && r.link != nil {
		r.closing.late = true
		r.cut(r.link, cause)
	}
}

// closeResult is what a Close that has waited returns.
func (r *record) closeResult(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closing == nil || !r.closing.late:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("close was cut short: %w", ctx.Err())
	}
	return fmt.Errorf("close was cut short: %w", context.DeadlineExceeded)
}

// readyToClose returns the link whose close frame is due: everything was
// written, and confirmed or waited for long enough.
func (r *record) readyToClose() (l *link, code int, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, now := r.closing, r.m.now()
	if c == nil || c.fault != nil || r.link == nil || r.link.told.Load() {
		return nil, 0, ""
	}
	if r.outbox.queue.len > 0 && r.waking || r.outbox.flight.len > 0 && now < c.settle {
		return nil, 0, ""
	}
	if c.own {
		c.deadline = now.add(r.m.config.HandshakeTimeout)
		r.rearm()
	}
	return r.link, c.code, c.reason
}

// sendable reports whether a close frame may carry the code: those of RFC
// 6455, section 7.4.1, and of the IANA registry, and those that are free.
func sendable(code int) bool {
	return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
}

const mostReason = 125 - 2 // bytes: a control frame's payload less the code

// closeCode checks what is to be sent in a close frame.
func closeCode(code int, reason string) (int, error) {
	switch {
	case code == 0:
		code = websocket.CloseNormalClosure
	case !sendable(code):
		return 0, invalid("close code %d may not be sent", code)
	}
	if len(reason) > mostReason {
		return 0, invalid("close reason of %d bytes, at most %d fit", len(reason), mostReason)
	}
	return code, validText([]byte(reason), "close reason")
}

package actors

import (
	"io"
	"sync"

	"github.com/tetherws/tether/messages"
)

// read feeds the handler from l until the socket ends, and reports why. It
// never writes: pings are answered by the actor.
func (r *record) read(l *link) {
	defer r.m.running.Done()
	for {
		err := l.receiver.await()
		if err == nil {
			err = r.readOne(l)
		}
		if err != nil {
			r.readFailed(l, err)
			break
		}
	}
	// The actor may have told the peer why, and wants that to arrive.
	_, _ = io.Copy(io.Discard, l.wire)
	_ = l.wire.Close()
	r.mu.Lock()
	l.left = true
	r.mu.Unlock()
	r.readFailed(l, io.EOF)
	r.m.gone(l)
}

func (r *record) readFailed(l *link, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report(l.incarnation, err)
}

// readOne reads a control frame or a message and passes it on.
func (r *record) readOne(l *link) error {
	opcode, payload, err := l.receiver.next(r.settings.readLimit)
	if err != nil {
		return err
	}
	switch opcode {
	case opPing:
		r.pinged(l, payload)
	case opPong:
		r.ponged(l, payload)
	case opClose:
		return parseClose(payload)
	default:
		r.receive(l, messages.Message{Kind: messages.Kind(opcode), Data: payload})
	}
	return nil
}

// receive passes one message on, waiting for room. Once the socket is being
// given up it drops the message.
func (r *record) receive(l *link, msg messages.Message) {
	if r.answerHeartbeat(l, msg) {
		return
	}
	r.mu.Lock()
	defer r.unlock()
	r.received(msg)
	l.beatOut = false
	if r.settings.handler != nil {
		r.awaitRoom(l)
	}
	if !r.discards(l) {
		r.taken()
		r.calls(call{kind: callMessage, link: l, msg: msg})
	}
}

// awaitRoom blocks while the handler is too far behind. Meanwhile the peer's
// silence is not its fault. mu is held.
func (r *record) awaitRoom(l *link) {
	if !r.inbox.full() || r.discards(l) {
		return
	}
	if r.inbox.room == nil {
		r.inbox.room = sync.NewCond(&r.mu)
	}
	l.paused = true
	if l.broken != nil { // what the peer said last is behind what waits here
		r.report(l.incarnation, l.broken)
	}
	for r.inbox.full() && !r.discards(l) {
		r.inbox.room.Wait()
	}
	if l.resume(r.m.now()); !l.ended {
		r.rearm()
	}
}

// discards reports whether what l still reads is of no use.
func (r *record) discards(l *link) bool {
	return l.ended || l.cause != nil || r.closing != nil && r.closing.fault != nil
}

// answerHeartbeat reports whether msg was the peer's application heartbeat,
// and has it answered unless it is itself the answer to one of ours.
func (r *record) answerHeartbeat(l *link, msg messages.Message) bool {
	reply := r.settings.heartbeat.Reply
	if reply == nil {
		return false
	}
	answer, ok, err := safely(func() (messages.Message, bool) { return reply(msg) })
	if err == nil && !ok {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.received(msg)
	switch {
	case err != nil:
		r.report(l.incarnation, &messages.HandlerError{Err: err})
	case l.beatOut:
		l.beatOut = false
	case len(l.answers) < mostAnswers:
		l.answers = append(l.answers, answer)
		r.wake()
	}
	return true
}

// mostAnswers bounds the answers to heartbeats that wait: a peer that sends
// them faster than it reads gets no more.
const mostAnswers = 16

// pinged has the actor answer a ping. Of several only the latest needs an
// answer (RFC 6455, section 5.5.3).
func (r *record) pinged(l *link, payload []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.pong = append([]byte{}, payload...) // not nil, which is none
	r.wake()
}

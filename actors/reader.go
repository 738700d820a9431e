package actors

import (
	"io"
	"sync"
	"time"

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
			r.hearOut(l, err)
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

// hearOut gives the handler a moment to answer what came before the peer's
// close frame, or its violation: it has not left yet, and reads the answers
// ahead of our close frame.
func (r *record) hearOut(l *link, err error) {
	if _, _, told := farewell(err); !told {
		return
	}
	r.mu.Lock()
	defer r.unlock()
	late := false
	waiting := func() bool { return r.inbox.running && r.closing == nil && !late && !r.discards(l) }
	if !waiting() {
		return
	}
	timer := time.AfterFunc(lingering, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		late = true
		r.inbox.interrupt()
	})
	defer timer.Stop()
	l.hearing = true
	r.pause(l)
	for waiting() {
		r.inbox.room.Wait()
	}
	r.unpause(l)
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
	r.pause(l)
	if l.broken != nil { // what the peer said last is behind what waits here
		r.report(l.incarnation, l.broken)
	}
	for r.inbox.full() && !r.discards(l) {
		r.inbox.room.Wait()
	}
	r.unpause(l)
}

// pause has the reader wait for the handler. mu is held.
func (r *record) pause(l *link) {
	if r.inbox.room == nil {
		r.inbox.room = sync.NewCond(&r.mu)
	}
	l.paused = true
}

// unpause ends a pause. mu is held.
func (r *record) unpause(l *link) {
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

// pinged has the actor answer a ping.
func (r *record) pinged(l *link, payload []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.pongs = l.pongs.add(payload)
	r.wake()
}

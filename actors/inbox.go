package actors

import (
	"errors"
	"runtime/debug"
	"sync"

	"github.com/tetherws/tether/messages"
)

// inbox holds the calls of the handler that wait. It is guarded by the
// record's lock.
type inbox struct {
	queue    []call
	messages int // of them
	bytes    int // of their payload
	running  bool
	began    instant    // of the call under way; 0: none, or it was reported as stalled
	room     *sync.Cond // the reader waits on it; made when first needed
	failed   uint64     // the incarnation whose handler failed: what it received is dropped
}

// The bounds of what a reader may be ahead of the handler.
const (
	mostInbound      = 64
	mostInboundBytes = 1 << 20
)

// call is one call of a handler.
type call struct {
	kind callKind
	link *link // the socket; nil if there never was one
	msg  messages.Message
	err  error
}

type callKind uint8

const (
	callOpened callKind = iota
	callMessage
	callDropped
	callClosed
)

func (i *inbox) full() bool {
	return i.messages >= mostInbound || i.bytes >= mostInboundBytes
}

// interrupt has the reader look whether it still has to wait.
func (i *inbox) interrupt() {
	if i.room != nil {
		i.room.Broadcast()
	}
}

// calls queues c, and starts the goroutine that makes the calls if there is
// none. mu is held.
func (r *record) calls(c call) {
	if r.settings.handler == nil {
		return
	}
	i := &r.inbox
	last := len(i.queue) - 1
	if c.kind == callDropped && last > 0 && i.queue[last].kind == callOpened {
		i.queue = i.queue[:last] // neither was noticed: a handler that is behind must not gather them
		return
	}
	i.queue = append(i.queue, c)
	if c.kind == callMessage {
		i.messages++
		i.bytes += len(c.msg.Data)
	}
	if !i.running {
		i.running = true
		r.m.running.Add(1)
		go r.work()
	}
}

// work makes the waiting calls one by one and ends when there are none.
func (r *record) work() {
	defer r.m.running.Done()
	for {
		c, ok := r.nextCall()
		if !ok {
			return
		}
		err := c.make(r)
		r.mu.Lock()
		r.inbox.began = 0
		if err != nil {
			r.handlerFailed(c.link, err)
		}
		r.unlock()
	}
}

func (r *record) nextCall() (c call, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := &r.inbox
	for len(i.queue) > 0 {
		c = i.queue[0]
		i.queue[0] = call{}
		i.queue = i.queue[1:]
		if c.kind == callMessage {
			i.messages--
			i.bytes -= len(c.msg.Data)
			i.interrupt()
			if c.link.incarnation == i.failed {
				continue
			}
		}
		if r.state != messages.Closed { // then there is nothing left to fail
			i.began = r.m.now()
			r.rearm()
		}
		return c, true
	}
	i.queue, i.running = nil, false
	i.interrupt()
	return call{}, false
}

// make calls the handler and turns a panic into an error.
func (c call) make(r *record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.m.log.Error("handler panicked", "conn", r.id, "cause", p)
			err = &messages.PanicError{Value: p, Stack: debug.Stack()}
		}
		if c.kind == callDropped || c.kind == callClosed {
			err = nil // there is no socket left to fail
		}
	}()
	h, conn := r.settings.handler, Conn{r, c.link}
	switch c.kind {
	case callOpened:
		return h.Opened(conn)
	case callMessage:
		return h.Message(conn, c.msg)
	case callDropped:
		h.Dropped(conn, c.err)
	case callClosed:
		h.Closed(conn, c.err)
	}
	return nil
}

// handlerFailed closes the connection for good if err asks for that, and
// fails the socket otherwise. mu is held.
func (r *record) handlerFailed(l *link, err error) {
	var end *messages.CloseError
	if errors.As(err, &end) {
		if code, bad := closeCode(end.Code, end.Reason); bad == nil {
			r.inbox.failed = l.incarnation
			r.beginClose(code, end.Reason, 0)
			return
		}
	}
	if !r.returns() { // or the server would never send them again
		r.inbox.failed = l.incarnation
	}
	fault := &messages.HandlerError{Err: err}
	if r.resume == nil || r.returns() {
		r.report(l.incarnation, fault)
		return
	}
	// The client was told that these were taken, whatever socket it has now.
	if r.link == nil {
		r.finish(&messages.CloseError{Code: codeInternal, Err: fault})
		return
	}
	r.report(r.incarnation, fault)
}

// report tells the actor that incarnation has failed. mu is held.
func (r *record) report(incarnation uint64, err error) {
	switch {
	case r.incarnation != incarnation:
	case r.pid != nil:
		r.post(messages.Failed{Incarnation: incarnation, Err: err})
	case r.link != nil && r.link.cause == nil:
		r.link.cause = err // the actor will see it when it starts
	}
}

package drops

import (
	"errors"
	"net"
	"syscall"
)

// ErrNoHandshake says that a fault can't write a frame at this end, because no
// WebSocket handshake has passed through the Conn.
var ErrNoHandshake = errors.New("no WebSocket handshake has passed through the connection")

// slipped is a fault's frames, on their way between two of the program's.
type slipped struct {
	parts   [][]byte // encoded; not to be changed
	message bool     // it may not come between two frames of one message
	last    bool     // this end leaves after it
}

// slip writes a fault's frames at the next end of a frame; a message of its
// own at the next end of a message. It does not block: the program may be in
// the middle of one.
func (c *Conn) slip(encode func(client bool) slipped) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch err := c.over(&c.out); {
	case err != nil:
		return opError("write", c, err)
	case c.out.finished:
		return opError("write", c, syscall.EPIPE)
	case c.frames.phase != phaseFrames:
		return ErrNoHandshake
	}
	t := c.troubled()
	t.waiting = append(t.waiting, encode(c.frames.client))
	if !c.out.busy {
		c.slipIn()
	}
	return nil
}

// slipFrame is slip of a single frame.
func (c *Conn) slipFrame(first byte, payload []byte) error {
	return c.slip(func(client bool) slipped {
		return slipped{parts: [][]byte{frame(first, payload, client)}, message: first&control == 0}
	})
}

// slipIn lets the frames that wait leave, if what has left of the program's is
// whole frames. The lock is held.
func (c *Conn) slipIn() {
	t := c.trouble
	if t == nil || c.out.finished || !c.frames.between() && !t.late.keeping {
		return
	}
	waiting := t.waiting
	t.waiting = nil
	for _, s := range waiting {
		switch {
		case c.over(&c.out) != nil:
			return
		case s.message && c.frames.within:
			t.waiting = append(t.waiting, s)
			continue
		}
		for _, part := range s.parts {
			c.enqueue(part)
		}
		if s.last {
			c.leaveAfterFlow()
		}
	}
}

// leaveAfterFlow closes this end behind what is in the flow. The program learns
// of it then and not before: what it does about it, such as to close what lies
// below its TLS, must not overtake the frame.
func (c *Conn) leaveAfterFlow() {
	if c.out.shut { // under silence nothing leaves
		c.depart()
		c.out.shut, c.trouble.flow.end = false, c.endFlow()
		c.pump()
		return
	}
	c.out.busy = true // for good: nothing of the program's is to follow
	c.in.shut = true  // nor does it see how the peer answers
	c.in.shuts++
	_ = c.forward(&c.in)
	c.trouble.flow.end = endLeave
	c.lastMinute()
}

// depart ends all calls, as if this end had closed.
func (c *Conn) depart() {
	c.in.err, c.out.err = net.ErrClosed, net.ErrClosed
	c.mu.cond.Broadcast()
	c.trouble.stop()
	c.unlist()
}

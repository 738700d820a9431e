package drops

import (
	"slices"
	"time"
)

// socket is one of a subject's, by the server's end of it.
type socket struct {
	*Conn
	number int
	over   bool        // the server has done with it
	faulty bool        // a fault was injected, and was not healed since
	faults int         // that were injected
	healer *time.Timer // nil: until the calm
}

// add makes accepted the newest socket.
func (c *subject) add(accepted *Conn) *socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sockets = slices.DeleteFunc(c.sockets, func(k *socket) bool { return k.over && k.left() })
	c.dialed++
	k := &socket{Conn: accepted, number: c.dialed}
	c.sockets = append(c.sockets, k)
	return k
}

func (c *subject) find(accepted *Conn) *socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.sockets {
		if k.Conn == accepted {
			return k
		}
	}
	return nil
}

// newest returns the newest socket if it lives, and otherwise nil.
func (c *subject) newest() *socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sockets) == 0 {
		return nil
	}
	if k := c.sockets[len(c.sockets)-1]; !k.over && !k.left() {
		return k
	}
	return nil
}

// rivals are the numbers of the other sockets that the fleet still has.
func (c *subject) rivals(of *socket) (live []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.sockets {
		if k != of && !k.left() {
			live = append(live, k.number)
		}
	}
	return live
}

// finish takes note that the server has done with k.
func (c *subject) finish(k *socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.over, k.faulty = true, false
	if k.healer != nil {
		k.healer.Stop()
	}
}

// left reports whether the dialing side has closed or half-closed the socket,
// or it was reset.
func (k *socket) left() bool { return k.other.gone() || k.other.inner.(*end).out.isOver() }

// gone reports whether this end was closed, half-closed or reset, though what
// is under way may keep the peer from knowing.
func (c *Conn) gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.finished || c.over(&c.out) != nil
}

// isOver reports whether the stream has an end.
func (p *pipe) isOver() bool {
	p.Lock()
	defer p.Unlock()
	return p.end != nil
}

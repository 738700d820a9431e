package drops

import (
	"net"
	"time"
)

// backlog is a listener of the in-memory network: the queue of connections
// that wait for Accept.
type backlog struct {
	monitor
	addr    address
	queue   []*Conn
	closed  bool
	release func() // frees the address
}

// push reports false when the listener is closed.
func (l *backlog) push(c *Conn) bool {
	l.Lock()
	defer l.Unlock()
	if l.closed {
		return false
	}
	l.queue = append(l.queue, c)
	l.cond.Broadcast()
	return true
}

// Accept implements net.Listener.
func (l *backlog) Accept() (net.Conn, error) {
	l.Lock()
	defer l.Unlock()
	for len(l.queue) == 0 && !l.closed {
		l.wait(time.Time{})
	}
	if l.closed {
		return nil, netError("accept", string(l.addr), net.ErrClosed)
	}
	c := l.queue[0]
	l.queue = l.queue[1:]
	return c, nil
}

// Close implements net.Listener.
func (l *backlog) Close() error {
	waiting, first := l.shut()
	if !first {
		return netError("close", string(l.addr), net.ErrClosed)
	}
	l.release()
	for _, c := range waiting {
		_ = c.cut(false)
	}
	return nil
}

func (l *backlog) shut() (waiting []*Conn, first bool) {
	l.Lock()
	defer l.Unlock()
	waiting, first = l.queue, !l.closed
	l.queue, l.closed = nil, true
	l.cond.Broadcast()
	return waiting, first
}

// Addr returns the address that was listened on.
func (l *backlog) Addr() net.Addr { return l.addr }

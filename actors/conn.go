package actors

import (
	"context"
	"maps"

	"github.com/tetherws/tether/messages"
)

// Conn is a connection as its handler sees it, on one of its sockets. It is a
// small value, may be kept and may be used from any goroutine. None of its
// methods blocks.
type Conn struct {
	record *record
	link   *link // nil if the connection never opened
}

// ID returns the connection's ID.
func (c Conn) ID() messages.ID { return c.record.id }

// Incarnation numbers the connection's sockets and attempts, from 1.
func (c Conn) Incarnation() uint64 {
	if c.link == nil {
		return 0
	}
	return c.link.incarnation
}

// Context ends with the socket.
func (c Conn) Context() context.Context {
	if c.link == nil {
		return endedContext
	}
	return c.link.context(c.record)
}

// Labels returns a copy of the labels that the connection was registered with.
func (c Conn) Labels() map[string]string { return maps.Clone(c.record.settings.labels) }

// Peer returns the socket's remote address.
func (c Conn) Peer() string {
	if c.link == nil {
		return ""
	}
	return c.link.peer()
}

// Subprotocol returns what the handshake agreed on; "" is none.
func (c Conn) Subprotocol() string {
	if c.link == nil {
		return ""
	}
	return c.link.subprotocol
}

// Resumed reports whether the peer goes on where the last socket ended, as it
// can on tether.v1: no message of the outbox was lost or is repeated, and what
// it was told need not be said again. A Hello, which is AtMostOnce, may have
// been lost even so: what must arrive is better sent in Opened.
func (c Conn) Resumed() bool { return c.link != nil && c.link.rejoined }

// Info returns a snapshot of the connection.
func (c Conn) Info() messages.Info { return c.record.info() }

// Send is the manager's Send to this connection.
func (c Conn) Send(m messages.Message) error { return c.record.m.sendTo(c.record, m) }

// Close begins what the manager's Close does and does not wait for it. Like
// that it ends the connection, not only this socket.
func (c Conn) Close(code int, reason string) error {
	code, err := closeCode(code, reason)
	if err != nil {
		return err
	}
	c.record.mu.Lock()
	defer c.record.unlock()
	c.record.beginClose(code, reason, 0)
	return nil
}

var endedContext = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

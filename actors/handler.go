package actors

import "github.com/tetherws/tether/messages"

// Handler gets what happens on a connection. Its calls are serial for one
// connection, whatever the socket: Opened, Message..., Dropped, Opened, ...
// Closed. They run on a goroutine that exists only while calls wait.
//
// A call that returns a *[messages.CloseError] closes its connection for good
// with that code and reason; any other error, a panic, and a call that takes
// longer than Config.HandlerTimeout are a failure of that connection alone.
// Messages that came behind the failed call on the same socket are dropped.
//
// A handler may call Send, Close, Retry and Info; Deliver and Wait on its own
// ID, and Shutdown, would wait for themselves.
type Handler interface {
	// Opened tells that a socket is open.
	Opened(Conn) error
	// Message is one inbound data message. Its Data belongs to the handler.
	Message(Conn, messages.Message) error
	// Dropped tells that the socket was lost, and why. It comes only after
	// Opened, and never for a deliberate close.
	Dropped(Conn, error)
	// Closed is the last call, made exactly once, also if the connection
	// never opened. The error is always a *messages.CloseError.
	Closed(Conn, error)
}

// BaseHandler does nothing at each call: embed it to write only the methods
// that are needed.
type BaseHandler struct{}

// Opened implements Handler.
func (BaseHandler) Opened(Conn) error { return nil }

// Message implements Handler.
func (BaseHandler) Message(Conn, messages.Message) error { return nil }

// Dropped implements Handler.
func (BaseHandler) Dropped(Conn, error) {}

// Closed implements Handler.
func (BaseHandler) Closed(Conn, error) {}

// OnMessage returns a Handler that passes inbound messages to f and ignores
// everything else.
func OnMessage(f func(Conn, messages.Message) error) Handler { return onMessage{f: f} }

type onMessage struct {
	BaseHandler
	f func(Conn, messages.Message) error
}

func (h onMessage) Message(c Conn, m messages.Message) error { return h.f(c, m) }

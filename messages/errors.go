package messages

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// What calls return, matched with errors.Is. Most come wrapped, with what was
// wrong in their text.
var (
	// ErrUnknownConnection means that no connection has the ID.
	ErrUnknownConnection = errors.New("unknown connection")
	// ErrDuplicateID means that the ID is in use.
	ErrDuplicateID = errors.New("connection ID is in use")
	// ErrQueueFull means that the outbox has no room now.
	ErrQueueFull = errors.New("outbox is full")
	// ErrTooLarge means that the message alone exceeds the whole outbox.
	ErrTooLarge = errors.New("message is larger than the outbox")
	// ErrClosed means that the connection is closed or closing for good.
	ErrClosed = errors.New("connection is closed")
	// ErrExpired means that the message's TTL, or the socket it was tied to, ended before it was written.
	ErrExpired = errors.New("message expired")
	// ErrReplaced means that a newer message with the same key took its place.
	ErrReplaced = errors.New("message was replaced by a newer one with its key")
	// ErrUnconfirmed means that the message may have arrived; as the cause of
	// a failure, that the peer does not answer pings.
	ErrUnconfirmed = errors.New("not confirmed by the peer")
	// ErrShutdown means that the manager is shutting down or has shut down.
	ErrShutdown = errors.New("manager is shut down")
	// ErrHeartbeatTimeout is the failure of a connection that went silent.
	ErrHeartbeatTimeout = errors.New("heartbeat timed out")
	// ErrHandlerStalled is the failure of a connection whose handler, or
	// callback, took too long.
	ErrHandlerStalled = errors.New("handler stalled")
	// ErrTakenOver is the drop of a socket whose client came back by a newer
	// one.
	ErrTakenOver = errors.New("taken over by a newer socket")
	// ErrInvalid means that an argument or a field is not acceptable.
	ErrInvalid = errors.New("invalid")
)

// CloseError is the end of a connection: every call that waits for a closed
// one and every handler's Closed gets it. It matches [ErrClosed] and
// [net.ErrClosed], and unwraps to its cause.
//
// A handler that returns a *CloseError closes its connection for good with
// its Code and Reason; the other fields are ignored there.
type CloseError struct {
	ID          ID
	Code        int    // of the close frame, ours or the peer's; 1006 if there was none
	Reason      string // at most 123 bytes
	Remote      bool   // the peer ended it
	Undelivered int    // admitted messages that were not delivered
	Err         error  // the cause; nil for a deliberate close
}

// Error implements error.
func (e *CloseError) Error() string {
	by := "by us"
	if e.Remote {
		by = "by the peer"
	}
	text := fmt.Sprintf("connection closed %s with code %d", by, e.Code)
	if e.Reason != "" {
		text += fmt.Sprintf(" (%q)", e.Reason)
	}
	if e.Undelivered > 0 {
		text += fmt.Sprintf(", %d messages undelivered", e.Undelivered)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Is reports whether target is ErrClosed.
func (e *CloseError) Is(target error) bool { return target == ErrClosed }

// Unwrap returns net.ErrClosed and, if there is one, the cause.
func (e *CloseError) Unwrap() []error {
	if e.Err == nil {
		return []error{net.ErrClosed}
	}
	return []error{net.ErrClosed, e.Err}
}

// ShutdownError says what a shutdown could not bring to its end.
type ShutdownError struct {
	Left        []ID // connections that were cut, or whose handler still runs
	Undelivered int  // admitted messages that were not delivered
}

// Error implements error.
func (e *ShutdownError) Error() string {
	return fmt.Sprintf("shutdown left %d connections unfinished and %d messages undelivered", len(e.Left), e.Undelivered)
}

// The causes of a drop. Network errors stand for themselves.

// PeerCloseError is a drop by the peer's close frame. Code is 1005 if the
// frame had none.
type PeerCloseError struct {
	Code   int
	Reason string
}

// Error implements error.
func (e *PeerCloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("peer closed with code %d", e.Code)
	}
	return fmt.Sprintf("peer closed with code %d (%q)", e.Code, e.Reason)
}

// HandshakeError is a handshake that the server refused, or answered wrongly.
type HandshakeError struct {
	Status     int           // the HTTP status; 101 for an answer that is no valid upgrade
	RetryAfter time.Duration // what the Retry-After header asked for; 0 for none
	Err        error
}

// Error implements error.
func (e *HandshakeError) Error() string {
	return fmt.Sprintf("handshake refused with status %d: %v", e.Status, e.Err)
}

// Unwrap returns the cause.
func (e *HandshakeError) Unwrap() error { return e.Err }

// ProtocolError is a violation of RFC 6455, or of a limit, by the peer. Code
// is what it is told: 1002, 1007 or 1009.
type ProtocolError struct {
	Code int
	Err  error
}

// Error implements error.
func (e *ProtocolError) Error() string {
	return fmt.Sprintf("protocol violation (%d): %v", e.Code, e.Err)
}

// Unwrap returns the cause.
func (e *ProtocolError) Unwrap() error { return e.Err }

// HandlerError is a fault of the embedder's code: a handler that returned an
// error, panicked (then Err is a *PanicError) or stalled.
type HandlerError struct{ Err error }

// Error implements error.
func (e *HandlerError) Error() string { return "handler failed: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *HandlerError) Unwrap() error { return e.Err }

// PanicError is a recovered panic.
type PanicError struct {
	Value any
	Stack []byte
}

// Error implements error. The stack is not part of the text.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Permanent marks err as one that trying again soon will not cure: a
// Target's Request, Hello or Ready that returns it parks the connection. The
// result unwraps to err.
func Permanent(err error) error { return &PermanentError{Err: err} }

// PermanentError is what [Permanent] returns.
type PermanentError struct{ Err error }

// Error implements error.
func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap returns the error that was marked.
func (e *PermanentError) Unwrap() error { return e.Err }

package supervision

import (
	"crypto/tls"
	"crypto/x509"
	"errors"

	"github.com/tetherws/tether/messages"
)

// Cause is the class of what brought a connection down.
type Cause uint8

const (
	// CauseAny is every cause, in a [Rule]; it is the class of none.
	CauseAny Cause = iota
	// CauseNetwork is whatever has no class of its own.
	CauseNetwork
	// CauseHeartbeat is a connection that went silent.
	CauseHeartbeat
	// CauseHandshake is a refused handshake; its code is the HTTP status.
	CauseHandshake
	// CauseClose is the peer's close frame; its code is that of the frame.
	CauseClose
	// CauseProtocol is a violation by the peer that we found; its code is what
	// the peer is told.
	CauseProtocol
	// CauseHandler is a fault of the embedder's code, or its stall.
	CauseHandler
	// CauseCertificate is a server certificate that was not accepted.
	CauseCertificate
	// CausePermanent is what was marked by [messages.Permanent], or a request
	// that is not valid.
	CausePermanent
	// CauseUnconfirmed is a peer that answers no ping while messages wait for
	// their confirmation.
	CauseUnconfirmed

	causes = iota // how many there are
)

// classes is in order of precedence. What the embedder's code returned comes
// before what may be wrapped in it: a handler that passes on the error of a
// call of its own has failed as a handler.
var classes = []struct {
	cause Cause
	match func(error) (code int, ok bool)
}{
	{CausePermanent, typed[*messages.PermanentError]},
	{CauseHandler, typed[*messages.HandlerError]},
	{CauseHandler, is(messages.ErrHandlerStalled)},
	{CauseHandshake, coded(func(e *messages.HandshakeError) int { return e.Status })},
	{CauseClose, coded(func(e *messages.PeerCloseError) int { return e.Code })},
	{CauseProtocol, coded(func(e *messages.ProtocolError) int { return e.Code })},
	{CauseHeartbeat, is(messages.ErrHeartbeatTimeout)},
	{CauseUnconfirmed, is(messages.ErrUnconfirmed)},
	{CauseCertificate, typed[*tls.CertificateVerificationError]},
	{CauseCertificate, typed[x509.UnknownAuthorityError]},
	{CauseCertificate, typed[x509.HostnameError]},
	{CauseCertificate, typed[x509.CertificateInvalidError]},
	{CausePermanent, is(messages.ErrInvalid)},
}

// Classify returns the class of err, and its status or close code where the
// class has one, otherwise 0. It is pure; any error has a class, nil too.
func Classify(err error) (Cause, int) {
	for _, class := range classes {
		if code, ok := class.match(err); ok {
			return class.cause, code
		}
	}
	return CauseNetwork, 0
}

func is(target error) func(error) (int, bool) {
	return func(err error) (int, bool) { return 0, errors.Is(err, target) }
}

func typed[E error](err error) (int, bool) {
	var e E
	return 0, errors.As(err, &e)
}

func coded[E error](code func(E) int) func(error) (int, bool) {
	return func(err error) (int, bool) {
		var e E
		if !errors.As(err, &e) {
			return 0, false
		}
		return code(e), true
	}
}

package drops

import (
	"fmt"

	"github.com/tetherws/tether/messages"
)

// Unasked writes a pong that nobody asked for, between two frames of this
// end (RFC 6455, section 5.5.3, lets a peer do so).
type Unasked struct {
	Payload string // at most 125 bytes; more is an error that matches messages.ErrInvalid
}

// Inject implements Fault. It does not wait for the frame to leave. Without a
// handshake it is ErrNoHandshake.
func (u Unasked) Inject(c *Conn) error {
	if len(u.Payload) > maxPayload {
		return fmt.Errorf("%w: pong of %d bytes", messages.ErrInvalid, len(u.Payload))
	}
	return c.slipFrame(final|opPong, []byte(u.Payload))
}

func (u Unasked) String() string { return string(phrase("unasked").text("payload", u.Payload)) }

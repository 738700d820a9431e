package drops

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tetherws/tether/messages"
)

// CloseCode writes a close frame between two frames of this end, as if its
// program had. Unless it leaves, the connection stays open: what follows is up
// to the programs.
type CloseCode struct {
	// Code is sent as it is, legal or not. Zero sends a frame without payload,
	// which the peer reads as 1005. Outside 0 to 65535 is an error.
	Code int
	// Reason is UTF-8 text of at most 123 bytes; more is an error. It is not
	// sent with Code 0.
	Reason string
	// Twice sends the frame a second time.
	Twice bool
	// Leave closes this end behind the frame, without waiting for the peer's.
	// Its program's writes wait until the frame has left, and all its calls
	// fail with net.ErrClosed then.
	Leave bool
}

const (
	maxReason   = 123
	statusBytes = 2
)

// Inject implements Fault. It does not wait for the frame to leave. A bad field
// is an error that matches messages.ErrInvalid; without a handshake it is
// ErrNoHandshake.
func (f CloseCode) Inject(c *Conn) error {
	if err := f.check(); err != nil {
		return err
	}
	return c.slip(func(client bool) slipped {
		closing := frame(final|opClose, f.payload(), client)
		s := slipped{parts: [][]byte{closing}, last: f.Leave}
		if f.Twice {
			s.parts = append(s.parts, closing)
		}
		return s
	})
}

func (f CloseCode) check() error {
	switch {
	case f.Code < 0 || f.Code > math.MaxUint16:
		return fmt.Errorf("%w: close code %d", messages.ErrInvalid, f.Code)
	case len(f.Reason) > maxReason:
		return fmt.Errorf("%w: close reason of %d bytes", messages.ErrInvalid, len(f.Reason))
	}
	return nil
}

func (f CloseCode) String() string {
	return string(phrase("close").number(f.Code).text("reason", f.Reason).flag("twice", f.Twice).flag("leave", f.Leave))
}

// payload is that of RFC 6455, section 5.5.1.
func (f CloseCode) payload() []byte {
	if f.Code == 0 {
		return nil
	}
	payload := binary.BigEndian.AppendUint16(make([]byte, 0, statusBytes+len(f.Reason)), uint16(f.Code))
	return append(payload, f.Reason...)
}

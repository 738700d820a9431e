package drops

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tetherws/tether/messages"
)

// CloseCode sends a WebSocket close frame from this end, as if its program
// had. The connection stays open: what follows is up to the programs.
//
// Inject waits for a Write that is under way and then blocks like one, under
// the Conn's write deadline. It knows nothing of frames: it is only correct
// where each Write is a whole frame, as a server's small messages are.
type CloseCode struct {
	// Code is sent as it is, legal or not. Zero sends a frame without payload,
	// which the peer reads as 1005. Outside 0 to 65535 is an error.
	Code int
	// Reason is UTF-8 text of at most 123 bytes; more is an error. It is not
	// sent with Code 0.
	Reason string
	// Masked must be set at a client's end, and there alone.
	Masked bool
}

const (
	finClose    = 0x88
	masked      = 0x80
	maxReason   = 123
	maskingKey  = "\x37\xfa\x21\x3d"
	statusBytes = 2
)

// Inject implements Fault. A bad field is an error that matches
// messages.ErrInvalid.
func (f CloseCode) Inject(c *Conn) error {
	if f.Code < 0 || f.Code > math.MaxUint16 {
		return fmt.Errorf("%w: close code %d", messages.ErrInvalid, f.Code)
	}
	if len(f.Reason) > maxReason {
		return fmt.Errorf("%w: close reason of %d bytes", messages.ErrInvalid, len(f.Reason))
	}
	_, err := c.Write(f.frame())
	return err
}

func (f CloseCode) String() string {
	if f.Reason == "" {
		return fmt.Sprintf("close %d", f.Code)
	}
	return fmt.Sprintf("close %d %q", f.Code, f.Reason)
}

// frame encodes RFC 6455, section 5.5.1.
func (f CloseCode) frame() []byte {
	payload := f.payload()
	if !f.Masked {
		return append([]byte{finClose, byte(len(payload))}, payload...)
	}
	frame := append([]byte{finClose, masked | byte(len(payload))}, maskingKey...)
	for i, b := range payload {
		frame = append(frame, b^maskingKey[i%len(maskingKey)])
	}
	return frame
}

func (f CloseCode) payload() []byte {
	if f.Code == 0 {
		return nil
	}
	payload := binary.BigEndian.AppendUint16(make([]byte, 0, statusBytes+len(f.Reason)), uint16(f.Code))
	return append(payload, f.Reason...)
}

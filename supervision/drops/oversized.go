package drops

import (
	"fmt"

	"github.com/tetherws/tether/messages"
)

// Oversized writes a binary message of so many zero bytes, in one frame,
// between two messages of this end. A peer that bounds its messages is to close
// with 1009.
type Oversized struct {
	Bytes int // zero is 16 MiB; negative, or over 256 MiB, is an error that matches messages.ErrInvalid
}

const defaultOversize = 16 << 20

// zeros is what payloads are made of.
var zeros [32 << 10]byte

// Inject implements Fault. It does not wait for the frame to leave. Without a
// handshake it is ErrNoHandshake.
func (o Oversized) Inject(c *Conn) error {
	if o.Bytes < 0 || o.Bytes > maxOversize {
		return fmt.Errorf("%w: message of %d bytes", messages.ErrInvalid, o.Bytes)
	}
	return c.slip(o.frame)
}

func (o Oversized) String() string { return string(phrase("oversized").number(o.Bytes)) }

// frame is in parts that share their bytes. A client's is masked with zero.
func (o Oversized) frame(client bool) (s slipped) {
	s.message = true
	left := o.Bytes
	if left == 0 {
		left = defaultOversize
	}
	if client {
		s.parts = append(s.parts, append(header(final|opBinary, left, masked), 0, 0, 0, 0))
	} else {
		s.parts = append(s.parts, header(final|opBinary, left, 0))
	}
	for ; left > 0; left -= len(zeros) {
		s.parts = append(s.parts, zeros[:min(left, len(zeros))])
	}
	return s
}

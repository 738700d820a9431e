package drops

import (
	"fmt"
	"syscall"

	"github.com/tetherws/tether/messages"
)

// Torn tears a frame: of this end's next Write only the first After bytes
// leave (all, if it has no more), then the connection ends, and the Write
// returns how many left and an error. A Write that is already under way is
// spared. [Conn.Heal] disarms it; writes that [Silence] holds back don't count.
type Torn struct {
	// After is how many bytes leave; negative is an error that matches
	// messages.ErrInvalid.
	After int
	// FIN ends the stream in good order: the peer reads io.EOF after the torn
	// bytes, and this end can still read. Otherwise it ends as with [Reset],
	// but the torn bytes reach the peer if it has room for them.
	FIN bool
}

// Inject implements Fault.
func (t Torn) Inject(c *Conn) error {
	if t.After < 0 {
		return fmt.Errorf("%w: torn after %d bytes", messages.ErrInvalid, t.After)
	}
	c, err := c.carrier()
	if err != nil {
		return err
	}
	return c.afflict(func(trouble *trouble) { trouble.torn = &t })
}

func (t Torn) String() string {
	return string(phrase(fmt.Sprintf("torn %d", t.After)).flag("fin", t.FIN))
}

// write is the Write that is torn.
func (t Torn) write(c *Conn, b []byte) (int, error) {
	n, err := c.send(b[:min(t.After, len(b))])
	if err != nil {
		return n, err
	}
	if !t.FIN {
		_ = c.cut(true)
		return n, opError("write", c, syscall.ECONNRESET)
	}
	if err := c.CloseWrite(); err != nil {
		return n, err
	}
	return n, opError("write", c, syscall.EPIPE)
}

package drops

import (
	"fmt"
	"syscall"

	"github.com/tetherws/tether/messages"
)

// Torn tears a frame: of this end's next Write only the first After bytes
// leave (all, if it has no more), then the connection ends, and the Write
// returns how many left and an error. A Write that is already under way is
// spared. [Conn.Heal] disarms it; writes that [Silence] swallows don't count.
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
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ended(&c.out); err != nil {
		return opError("set", c, err)
	}
	c.torn = &t
	return nil
}

func (t Torn) String() string {
	if t.FIN {
		return fmt.Sprintf("torn after %d with FIN", t.After)
	}
	return fmt.Sprintf("torn after %d", t.After)
}

// write is the Write that is torn.
func (t Torn) write(c *Conn, b []byte) (int, error) {
	n, err := c.write(b[:min(t.After, len(b))])
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

package drops

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// Conn is a connection that takes a [Fault]: one end of a connection of a
// [Network], or any other net.Conn by [Wrap]. Without a fault it behaves as
// the conn beneath. As for any net.Conn, all methods may be called at the
// same time; a Write is never interleaved with another.
type Conn struct {
	inner net.Conn
	other *Conn

	mu      monitor // guards what follows
	in, out direction
	torn    *Torn // cuts the next write
	closed  bool
	rosters []*roster
}

// Wrap makes a Conn of c, and owns it from then on. A *Conn is returned as it
// is. Deadlines of c must reach calls that are blocked, as net.Conn has it:
// that is how faults reach them. Wrap what lies beneath TLS, not the tls.Conn: that does not survive a
// write that was interrupted.
func Wrap(c net.Conn) *Conn {
	if c, ok := c.(*Conn); ok {
		return c
	}
	return &Conn{inner: c}
}

// Other returns the other end of a [Network]'s connection; nil for any other
// conn.
func (c *Conn) Other() *Conn { return c.other }

// Heal ends what [Silence] and [Stall] do to c and disarms [Torn]. Bytes that
// came in meanwhile, and an end of the stream, are read after it; what was
// written into silence stays lost.
func (c *Conn) Heal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.torn = nil
	c.reopen(&c.in)
	c.reopen(&c.out)
}

// Close implements net.Conn. The peer gets what the conn beneath sends at its
// close, whatever [Silence] swallowed before; only silence at the peer's own
// end hides it from the peer.
func (c *Conn) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.cond.Broadcast()
	c.mu.Unlock()
	c.discharge()
	err := c.inner.Close()
	if first && errors.Is(err, net.ErrClosed) { // a fault closed it beneath
		return nil
	}
	return err
}

// CloseWrite sends FIN and leaves reading as it is; silence swallows the FIN.
// Where the conn beneath has no CloseWrite the error matches
// errors.ErrUnsupported.
func (c *Conn) CloseWrite() error {
	half, ok := c.inner.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("half-close of %T: %w", c.inner, errors.ErrUnsupported)
	}
	if c.swallows() {
		return nil
	}
	return half.CloseWrite()
}

func (c *Conn) swallows() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.shut && c.ended(&c.out) == nil
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.inner.LocalAddr() }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.inner.RemoteAddr() }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn. It holds under every fault.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.in, t) }

// SetWriteDeadline implements net.Conn. It holds under every fault.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.out, t) }

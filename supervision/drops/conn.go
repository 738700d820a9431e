package drops

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Conn is a connection that takes a [Fault]: one end of a connection of a
// [Network], or any other net.Conn by [Wrap]. Without a fault it behaves as
// the conn beneath. As for any net.Conn, all methods may be called at the
// same time; a Write is never interleaved with another.
type Conn struct {
	inner net.Conn
	other *Conn

	injecting sync.Mutex // by InjectFor

	mu      monitor // guards what follows
	in, out direction
	closed  bool
	cutting bool     // a cut is about to end the conn beneath
	frames  frames   // that this end writes
	trouble *trouble // nil: none so far
	rosters []*roster
}

// trouble is what a Conn needs once a fault has come to it. Its Conn's lock
// guards it.
type trouble struct {
	torn     *Torn // cuts the next write
	slow     *pace // nil: the link is not
	bytewise bool
	pongs    *Pongs // nil: they leave
	flow     flow
	late     late
	waiting  []slipped   // frames that are to leave between two of the program's
	expiry   *time.Timer // heals what lasts; nil: nothing does
}

// Wrap makes a Conn of c, and owns it from then on. A *Conn is returned as it
// is. Deadlines of c must reach calls that are blocked, as net.Conn has it:
// that is how faults reach them.
//
// Faults that write frames ([CloseCode], [Garbage] and their like) need a Conn
// that the handshake has passed through, so wrap c before it.
//
// Of TLS wrap what lies beneath, and then the tls.Conn too if faults are to
// write frames: faults of the bytes, such as [Silence], injected into the
// upper Conn act on the lower one.
func Wrap(c net.Conn) *Conn {
	if c, ok := c.(*Conn); ok {
		return c
	}
	return &Conn{inner: c}
}

// Other returns the other end of a [Network]'s connection; nil for any other
// conn.
func (c *Conn) Other() *Conn { return c.other }

// NetConn returns the conn beneath. Reading, writing or closing it directly
// passes the faults by.
func (c *Conn) NetConn() net.Conn { return c.inner }

// Heal ends whatever lasts on c: [Silence], [Stall], [Slow], [Bytewise] and
// [Pongs]. It disarms [Torn]. What was held back meanwhile arrives.
func (c *Conn) Heal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heal()
}

// heal is Heal. The lock is held.
func (c *Conn) heal() {
	if lower, err := c.carrier(); err == nil && lower != c {
		lower.Heal()
	}
	c.reopen(&c.in)
	c.reopen(&c.out)
	if t := c.trouble; t != nil {
		t.expire()
		t.torn, t.slow, t.bytewise, t.pongs = nil, nil, false, nil
		t.flow.hurryTo(time.Time{})
		c.releaseLate(time.Time{})
		c.pump()
	}
}

// Close implements net.Conn. What [Slow] holds back still arrives before the
// end; if the peer leaves no room for it for a minute, it is lost and the end
// is an RST. Under [Silence] the peer is told nevertheless, by an RST if bytes
// are held back, which are lost; only silence at the peer's own end hides it
// from the peer. After a fault that has ended c, Close returns nil.
func (c *Conn) Close() error {
	how, faulted, err := c.shutDown()
	if err != nil {
		return err
	}
	c.discharge()
	switch how {
	case endNone:
		return nil
	case endReset:
		return abort(c.inner, false)
	}
	err = c.inner.Close()
	if faulted { // which may have closed it beneath
		return nil
	}
	return err
}

// shutDown ends all calls. It says how the conn beneath is to end, and whether
// a fault has ended c already.
func (c *Conn) shutDown() (how ending, faulted bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return endNone, false, opError("close", c, net.ErrClosed)
	}
	c.closed = true
	c.mu.cond.Broadcast()
	if c.cutting { // which ends it, and not with a FIN
		return endNone, true, nil
	}
	if c.trouble == nil {
		return endClose, c.in.err != nil, nil
	}
	c.trouble.stop()
	return c.endFlow(), c.in.err != nil, nil
}

// CloseWrite sends FIN, behind what is held back, and leaves reading as it is.
// Where the conn beneath has no CloseWrite the error matches
// errors.ErrUnsupported.
func (c *Conn) CloseWrite() error {
	half, ok := c.inner.(halfCloser)
	if !ok {
		return fmt.Errorf("half-close of %T: %w", c.inner, errors.ErrUnsupported)
	}
	if later, err := c.finLater(); later || err != nil {
		return err
	}
	return half.CloseWrite()
}

type halfCloser interface{ CloseWrite() error }

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

// troubled returns c's trouble, made when first needed. The lock is held.
func (c *Conn) troubled() *trouble {
	if c.trouble == nil {
		c.trouble = &trouble{}
	}
	return c.trouble
}

// stop ends the timers.
func (t *trouble) stop() {
	t.expire()
	t.late.stop()
}

func (t *trouble) expire() {
	if t.expiry != nil {
		t.expiry.Stop()
		t.expiry = nil
	}
}

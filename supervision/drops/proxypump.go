package drops

import (
	"errors"
	"io"
	"slices"
)

const (
	firstBuffer = 4 << 10 // an idle connection holds two
	fullBuffer  = 32 << 10
)

// pump passes on what comes from a leg until it ends: first the head, which
// is no frame, and what was read too early.
func (c *proxied) pump(from, to *leg, head, early []byte) {
	defer c.leave()
	b := make([]byte, firstBuffer)
	for alive := c.write(to, head) && c.pass(from, to, early); alive; {
		n, err := from.stream.Read(b)
		alive = c.pass(from, to, b[:n])
		switch {
		case err != nil:
			c.drained(from, to, err)
			return
		case n == len(b) && n < fullBuffer:
			b = make([]byte, fullBuffer)
		}
	}
}

// pass counts b and writes it. It reports false when that brought the
// connection down.
func (c *proxied) pass(from, to *leg, b []byte) bool {
	return len(b) == 0 || c.observe(from, to, b) || c.write(to, b)
}

// observe counts what comes from a leg, before the other's peer can have
// seen it. It reports whether that leg takes no more.
func (c *proxied) observe(from, to *leg, b []byte) (halved bool) {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	if code, closing := from.frames.read(b, from.sent); closing {
		c.end(func(*ProxyEnds) { from.ends.Close[code]++ })
	}
	to.tearing = c.torn(to)
	return to.halved
}

// torn returns what is to tear the leg's next write; nil: nothing.
func (c *proxied) torn(l *leg) *Torn {
	if c.lasts == nil || !slices.Contains(c.legs(c.lasts.side()), l) {
		return nil
	}
	if torn, armed := c.lasts.Fault.(Torn); armed {
		return &torn
	}
	return nil
}

func (c *proxied) write(to *leg, b []byte) bool {
	if len(b) == 0 {
		return true
	}
	_, err := to.stream.Write(b)
	return err == nil || c.broken(to)
}

// broken deals with a failed write to a leg. It reports whether the pump goes
// on: what can't be passed on is then read and dropped, as a kernel would.
func (c *proxied) broken(to *leg) bool {
	if c.tolerates(to) {
		return true
	}
	c.cut(func(*ProxyEnds) { to.ends.RST++ })
	return false
}

func (c *proxied) tolerates(to *leg) bool {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	if to.tearing != nil && to.tearing.FIN {
		c.end(nil) // which is the tear's doing
		to.halved = true
	}
	return to.halved
}

// drained passes on how a leg's peer has ended.
func (c *proxied) drained(from, to *leg, err error) {
	half, ok := to.stream.(interface{ CloseWrite() error })
	fin := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if !ok || !fin || !c.finish(from, to) {
		c.cut(func(*ProxyEnds) { from.ends.RST++ })
		return
	}
	_ = half.CloseWrite() // one that fails is broken, which the other pump finds
}

// finish is the end of a direction in good order. It reports false if there
// was none: a reset that a write has been told of looks like FIN to a read.
func (c *proxied) finish(from, to *leg) bool {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	if !from.halved && from.tearing == nil && torndown(from.conn) {
		return false
	}
	c.end(func(*ProxyEnds) { from.ends.FIN++ })
	to.halved = true
	return true
}

// leave is the end of a pump.
func (c *proxied) leave() {
	if c.pumps.Add(-1) > 0 {
		return
	}
	_ = c.client.conn.Close()
	_ = c.server.conn.Close()
	c.proxy.remove(c)
}

package drops

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// cut ends both directions with RST. keep leaves what was written before to
// the peer, where that is in our power.
func (c *Conn) cut(keep bool) error {
	later, err := c.condemn(keep)
	if err != nil {
		return err
	}
	c.discharge()
	if later {
		return nil
	}
	defer c.uncut()
	return abort(c.inner, keep)
}

func (c *Conn) uncut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cutting = false
}

// condemn comes before the cut itself, so that no call sees what the cut
// looks like beneath. It says whether the flow will cut, behind what it holds.
func (c *Conn) condemn(keep bool) (later bool, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.over(&c.in); err != nil {
		return false, opError("reset", c, err)
	}
	c.in.err, c.out.err = syscall.ECONNRESET, syscall.ECONNRESET
	c.mu.cond.Broadcast()
	t := c.trouble
	if t == nil {
		c.cutting = true
		return false, nil
	}
	t.stop()
	if keep && !c.out.shut && len(t.flow.queue) > 0 {
		t.flow.end = endReset
		c.orphan()
		return true, nil
	}
	t.flow.drop()
	c.cutting = true
	return false, nil
}

// lingerer is a net.Conn that can be made to end with RST.
type lingerer interface {
	net.Conn
	SetLinger(sec int) error
}

func abort(c net.Conn, keep bool) error {
	switch c := c.(type) {
	case *end:
		c.abort(keep)
		return nil
	case *Conn: // below TLS
		return c.cut(keep)
	case *tls.Conn:
		return abort(c.NetConn(), keep)
	case lingerer:
		return errors.Join(c.SetLinger(0), c.Close())
	}
	return errors.Join(c.Close(), fmt.Errorf("reset of %T: %w", c, errors.ErrUnsupported))
}

// enlist keeps c on r until it is closed or reset.
func (c *Conn) enlist(r *roster) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended(&c.in) != nil {
		return
	}
	c.rosters = append(c.rosters, r)
	r.add(c)
}

func (c *Conn) discharge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unlist()
}

func (c *Conn) unlist() {
	for _, r := range c.rosters {
		r.remove(c)
	}
	c.rosters = nil
}

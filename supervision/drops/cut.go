package drops

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// cut ends both directions with RST. keep leaves what was written before to
// the peer, where that is in our power.
func (c *Conn) cut(keep bool) error {
	if err := c.condemn(); err != nil {
		return err
	}
	c.discharge()
	return abort(c.inner, keep)
}

// condemn comes before the cut itself, so that no call sees what the cut
// looks like beneath.
func (c *Conn) condemn() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ended(&c.in); err != nil {
		return opError("reset", c, err)
	}
	c.in.err, c.out.err = syscall.ECONNRESET, syscall.ECONNRESET
	c.mu.cond.Broadcast()
	return nil
}

func abort(c net.Conn, keep bool) error {
	switch c := c.(type) {
	case *end:
		c.abort(keep)
		return nil
	case interface{ SetLinger(int) error }:
		if err := c.SetLinger(0); err != nil {
			return err
		}
	default:
		return errors.Join(c.Close(), fmt.Errorf("reset of %T: %w", c, errors.ErrUnsupported))
	}
	return c.Close()
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
	for _, r := range c.rosters {
		r.remove(c)
	}
	c.rosters = nil
}

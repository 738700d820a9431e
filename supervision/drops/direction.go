package drops

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// direction is what a Conn knows of its reads, or of its writes. Its Conn's
// lock guards it.
type direction struct {
	deadline time.Time // as the Conn's user set it
	shut     bool      // reads are withheld, or writes held back
	shuts    uint      // how often that began
	inside   int       // calls under way beneath
	busy     bool      // a write is under way
	finished bool      // a FIN was sent, or is on its way behind what is held back
	err      error     // a fault ended the direction with it
}

// longAgo, as a deadline, fetches a call out of the conn beneath.
var longAgo = time.Unix(1, 0)

// shut withholds what comes in d, or holds back what goes out. Calls that are
// blocked beneath are fetched out of there, to wait here.
func (c *Conn) shut(d *direction) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.over(d); err != nil {
		return opError("set", c, err)
	}
	if !d.shut {
		d.shut = true
		d.shuts++
		if err := c.forward(d); err != nil {
			c.reopen(d)
			return err
		}
	}
	// Real sockets still give a fetched read what arrives before it has run.
	for d.shut && d.inside > 0 {
		c.mu.wait(time.Time{})
	}
	return nil
}

// reopen ends what shut began. The lock is held.
func (c *Conn) reopen(d *direction) {
	if !d.shut || c.leaving() {
		return
	}
	d.shut = false
	c.mu.cond.Broadcast()
	if c.ended(d) == nil {
		// An error can only say that the conn is closed beneath; the next
		// call says so too.
		_ = c.forward(d)
	}
}

// ended returns what ended d at this end; nil while it lives.
func (c *Conn) ended(d *direction) error {
	if c.closed {
		return net.ErrClosed
	}
	return d.err
}

// over is ended for faults: for them a Conn that leaves has left.
func (c *Conn) over(d *direction) error {
	if c.leaving() {
		return net.ErrClosed
	}
	return c.ended(d)
}

// leaving reports whether this end closes once the flow has passed.
func (c *Conn) leaving() bool { return c.trouble != nil && c.trouble.flow.end == endLeave }

// obstacle returns why a call in d can't go on; nil if it can.
func (c *Conn) obstacle(d *direction) error {
	if err := c.ended(d); err != nil {
		return err
	}
	if d.finished {
		return syscall.EPIPE
	}
	if passed(d.deadline) {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// leave ends a call beneath that began after the given number of shuts. It
// says whether to begin it again, because a shut was all that ended it, and
// gives the fault that ended d in place of what it looked like beneath. What is
// read at that moment is lost with the connection.
func (c *Conn) leave(d *direction, op string, shuts uint, err error) (again bool, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.inside--
	c.mu.cond.Broadcast()
	switch {
	case err == nil:
		return d == &c.in && c.over(d) != nil, nil
	case d.shuts != shuts && timedOut(err):
		return true, nil
	}
	if ended := c.ended(d); ended != nil {
		return false, opError(op, c, ended)
	}
	return false, err
}

func timedOut(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func (c *Conn) setDeadline(d *direction, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return opError("set", c, net.ErrClosed)
	}
	d.deadline = t
	c.mu.cond.Broadcast()
	if d.shut || d.err != nil {
		return nil
	}
	return c.forward(d)
}

// forward sets the deadline beneath: the user's, unless what is held back has
// one of its own. The lock is held.
func (c *Conn) forward(d *direction) error {
	t := d.deadline
	switch {
	case d.shut:
		t = longAgo
	case d == &c.out && c.trouble != nil && c.trouble.flow.pumping:
		t = c.trouble.flow.deadline
	}
	if d == &c.in {
		return c.inner.SetReadDeadline(t)
	}
	return c.inner.SetWriteDeadline(t)
}

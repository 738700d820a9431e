package drops

import "bytes"

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	for {
		most, shuts, err := c.enterRead(len(b))
		if err != nil {
			return 0, opError("read", c, err)
		}
		n, err := c.inner.Read(b[:most])
		c.heard(b[:n])
		again, err := c.leave(&c.in, "read", shuts, err)
		if !again {
			return n, err
		}
	}
}

// heard follows what was read.
func (c *Conn) heard(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames.hear(b)
}

// enterRead waits while reads are withheld, and says how much of size may be
// read.
func (c *Conn) enterRead(size int) (most int, shuts uint, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := c.obstacle(&c.in); err != nil {
			return 0, 0, err
		}
		if !c.in.shut {
			break
		}
		c.mu.wait(c.in.deadline)
	}
	c.in.inside++
	if c.trouble != nil && c.trouble.bytewise {
		size = min(size, 1)
	}
	return size, c.in.shuts, nil
}

// Write implements net.Conn.
func (c *Conn) Write(b []byte) (int, error) {
	torn, err := c.takeTurn()
	if err != nil {
		return 0, opError("write", c, err)
	}
	defer c.endTurn()
	if torn != nil {
		return torn.write(c, b)
	}
	return c.send(b)
}

// takeTurn waits until no other Write is under way.
func (c *Conn) takeTurn() (torn *Torn, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := c.obstacle(&c.out); err != nil {
			return nil, err
		}
		if !c.out.busy {
			break
		}
		c.mu.wait(c.out.deadline)
	}
	c.out.busy = true
	if c.trouble == nil || c.out.shut {
		return nil, nil
	}
	return c.trouble.torn, nil
}

func (c *Conn) endTurn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.busy = false
	c.mu.cond.Broadcast()
	c.slipIn()
}

// send passes b on, or those parts of it that are to leave.
func (c *Conn) send(b []byte) (n int, err error) {
	if len(b) == 0 {
		return c.sendNothing()
	}
	if c.foresees(b) {
		return c.write(b)
	}
	for n < len(b) && err == nil {
		part, kept := c.next(b[n:])
		m := len(part)
		if !kept {
			m, err = c.write(part)
		}
		c.wrote(part[:m], kept)
		n += m
	}
	return n, err
}

// sendNothing fails where the conn beneath does, as TCP after a half-close.
func (c *Conn) sendNothing() (n int, err error) {
	c.mu.Lock()
	if c.held() {
		c.mu.Unlock()
		return 0, nil
	}
	c.out.inside++
	shuts := c.out.shuts
	c.mu.Unlock()
	_, err = c.inner.Write(nil)
	_, err = c.leave(&c.out, "write", shuts, err)
	return 0, err
}

// foresees follows b before it leaves, if it belongs to a handshake: whoever
// has read an answer may have a frame injected behind it at once.
func (c *Conn) foresees(b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frames.phase == phaseFrames {
		return false
	}
	c.frames.advance(b)
	return true
}

// write passes b on, or leaves to the flow what can't leave now.
func (c *Conn) write(b []byte) (n int, err error) {
	for n < len(b) {
		taken, shuts, err := c.enterWrite(b[n:])
		n += taken
		if err != nil {
			return n, opError("write", c, err)
		}
		if taken > 0 {
			continue
		}
		taken, err = c.writeBeneath(b[n:])
		n += taken
		again, err := c.leave(&c.out, "write", shuts, err)
		if !again {
			return n, err
		}
	}
	return n, nil
}

// enterWrite enters the conn beneath, or takes at least one byte of b, which
// has some, into the flow, waiting for room.
func (c *Conn) enterWrite(b []byte) (taken int, shuts uint, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := c.obstacle(&c.out); err != nil {
			return 0, 0, err
		}
		if !c.held() {
			c.out.inside++
			return 0, c.out.shuts, nil
		}
		if n := c.troubled().flow.room(len(b)); n > 0 {
			c.enqueue(bytes.Clone(b[:n]))
			return n, 0, nil
		}
		c.mu.wait(c.out.deadline)
	}
}

// writeBeneath hands b to the conn beneath. c has entered it.
func (c *Conn) writeBeneath(b []byte) (n int, err error) {
	for c.splits() && n < len(b) && err == nil {
		var m int
		m, err = c.inner.Write(b[n : n+1])
		n += m
	}
	if n == len(b) || err != nil {
		return n, err
	}
	m, err := c.inner.Write(b[n:])
	return n + m, err
}

func (c *Conn) splits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trouble != nil && c.trouble.bytewise
}

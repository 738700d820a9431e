package drops

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	for {
		shuts, err := c.enterRead()
		if err != nil {
			return 0, opError("read", c, err)
		}
		n, err := c.inner.Read(b)
		again, err := c.leave(&c.in, "read", shuts, err)
		if !again {
			return n, err
		}
	}
}

// enterRead waits while reads are withheld.
func (c *Conn) enterRead() (shuts uint, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := c.obstacle(&c.in); err != nil {
			return 0, err
		}
		if !c.in.shut {
			c.in.inside++
			return c.in.shuts, nil
		}
		c.mu.wait(c.in.deadline)
	}
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
	return c.write(b)
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
	if c.out.shut {
		return nil, nil
	}
	return c.torn, nil
}

func (c *Conn) endTurn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.busy = false
	c.mu.cond.Broadcast()
}

// write passes b on, or swallows what is left of it once writes are shut.
func (c *Conn) write(b []byte) (n int, err error) {
	for {
		swallow, shuts, err := c.enterWrite()
		if err != nil {
			return n, opError("write", c, err)
		}
		if swallow {
			return len(b), nil
		}
		m, err := c.inner.Write(b[n:])
		n += m
		again, err := c.leave(&c.out, "write", shuts, err)
		if !again {
			return n, err
		}
	}
}

func (c *Conn) enterWrite() (swallow bool, shuts uint, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.obstacle(&c.out); err != nil || c.out.shut {
		return c.out.shut, 0, err
	}
	c.out.inside++
	return false, c.out.shuts, nil
}

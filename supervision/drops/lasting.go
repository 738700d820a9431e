package drops

import "time"

// InjectFor ends what lasts on c, injects f, and heals c again after d; not
// positive is until [Conn.Heal] or Close. So one fault at a time lasts on c,
// and the time of an earlier one is over.
func (c *Conn) InjectFor(f Fault, d time.Duration) error {
	c.injecting.Lock()
	defer c.injecting.Unlock()
	c.Heal()
	if err := f.Inject(c); err != nil {
		c.Heal() // of what it has done all the same
		return err
	}
	if d <= 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over(&c.in) != nil {
		return nil // f has ended it
	}
	t := c.troubled()
	t.expire()
	var expiry *time.Timer
	expiry = time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if t.expiry == expiry { // no other fault has come since
			c.heal()
		}
	})
	t.expiry = expiry
	return nil
}

// afflict changes what lasts on c, if it lives.
func (c *Conn) afflict(change func(*trouble)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.over(&c.out); err != nil {
		return opError("set", c, err)
	}
	change(c.troubled())
	return nil
}

package drops

// Stall makes this end a stalled reader: its reads block until their deadline,
// [Conn.Heal] or Close, so the buffers on the way fill up and the peer's
// writes block. Nothing is lost: after healing all is read. Writes work.
type Stall struct{}

// Inject implements Fault.
func (Stall) Inject(c *Conn) error {
	c, err := c.carrier()
	if err != nil {
		return err
	}
	return c.shut(&c.in)
}

func (Stall) String() string { return "stall" }

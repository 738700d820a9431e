package drops

// Bytewise splits everything into single bytes: what this end writes leaves
// one byte at a time, and each of its reads returns one. Nothing is lost. Calls
// that are blocked when it comes are spared. It lasts until [Conn.Heal] or
// Close.
type Bytewise struct{}

// Inject implements Fault.
func (Bytewise) Inject(c *Conn) error {
	c, err := c.carrier()
	if err != nil {
		return err
	}
	return c.afflict(func(t *trouble) { t.bytewise = true })
}

func (Bytewise) String() string { return "bytewise" }

package drops

// Silence makes the connection half-open, as when a cable is pulled: nothing
// comes in, nothing goes out, and nothing tells either side. It lasts until
// [Conn.Heal] or Close. The zero value silences both directions. Nothing is
// lost by it: as TCP would, what was held back arrives after the healing.
//
// In withholds what arrives, the peer's FIN and RST included: reads block
// until their deadline. It waits in the buffers beneath, which fill up until
// the peer's writes block. Out holds back what is written, a half-close
// included: writes succeed until 64 KiB are held, and then block until their
// deadline.
//
// Close still reaches the peer, as an RST if bytes are held back. To keep that
// from it too, silence the peer's end.
type Silence struct{ In, Out bool }

// Inject implements Fault. Silence of one direction adds to that of the other.
func (s Silence) Inject(c *Conn) error {
	c, err := c.carrier()
	if err != nil {
		return err
	}
	if s.In || !s.Out {
		if err := c.shut(&c.in); err != nil {
			return err
		}
	}
	if s.In && !s.Out {
		return nil
	}
	err = c.shut(&c.out)
	if err != nil && !s.Out { // both or none
		c.mu.Lock()
		defer c.mu.Unlock()
		c.reopen(&c.in)
	}
	return err
}

func (s Silence) String() string {
	return string(phrase("silence").flag("in", s.In).flag("out", s.Out))
}

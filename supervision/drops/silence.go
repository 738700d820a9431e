package drops

// Silence makes the connection half-open, as when a cable is pulled: nothing
// comes in, what is written vanishes with success, and nothing tells either
// side. It lasts until [Conn.Heal] or Close. The zero value silences both
// directions.
//
// In withholds what arrives, the peer's FIN and RST included: reads block
// until their deadline. It waits in the buffers beneath, which fill up until
// the peer's writes block, and is read after healing. Out loses for good what
// is written, a half-close included; of a Write that is under way, what had
// not been taken beneath. So after healing the peer's stream has a gap, and
// it is on a frame boundary only if each Write was a whole frame.
//
// Close still reaches the peer. To keep that from it too, silence the peer's
// end.
type Silence struct{ In, Out bool }

// Inject implements Fault. Silence of one direction adds to that of the other.
func (s Silence) Inject(c *Conn) error {
	if s.In || !s.Out {
		if err := c.shut(&c.in); err != nil {
			return err
		}
	}
	if s.Out || !s.In {
		return c.shut(&c.out)
	}
	return nil
}

func (s Silence) String() string {
	switch s {
	case Silence{In: true}:
		return "silence in"
	case Silence{Out: true}:
		return "silence out"
	}
	return "silence"
}

package drops

// FIN ends this end's half of the connection without a close frame: the peer
// reads io.EOF, this end's writes fail with syscall.EPIPE, and its reads go on
// until the peer has ended its half too. It is what a program's sudden exit
// looks like.
type FIN struct{}

// Inject implements Fault.
func (FIN) Inject(c *Conn) error {
	c, err := c.carrier()
	if err != nil {
		return err
	}
	return c.CloseWrite()
}

func (FIN) String() string { return "fin" }

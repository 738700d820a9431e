package drops

// Reset ends the connection with an RST: both ends' calls, also those that
// are blocked, return an error that matches syscall.ECONNRESET. Bytes not yet
// read are lost; of a real socket the peer's kernel may still hand over what
// it had already received.
//
// A conn that can't be made to send RST (it has no SetLinger) is closed, and
// the error matches errors.ErrUnsupported.
type Reset struct{}

// Inject implements Fault.
func (Reset) Inject(c *Conn) error { return c.cut(false) }

func (Reset) String() string { return "reset" }

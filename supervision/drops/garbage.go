package drops

// Garbage writes a frame that RFC 6455 forbids, between two frames of this
// end: all reserved bits are set, and the opcode is unknown.
type Garbage struct{}

// Inject implements Fault. It does not wait for the frame to leave. Without a
// handshake it is ErrNoHandshake.
func (Garbage) Inject(c *Conn) error { return c.slipFrame(0xFB, []byte("garbage")) }

func (Garbage) String() string { return "garbage" }

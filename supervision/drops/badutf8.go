package drops

// BadUTF8 writes a text message that is not UTF-8, between two messages of this
// end. The peer is to close with 1007 (RFC 6455, section 8.1).
type BadUTF8 struct{}

// Inject implements Fault. It does not wait for the frame to leave. Without a
// handshake it is ErrNoHandshake.
func (BadUTF8) Inject(c *Conn) error { return c.slipFrame(final|opText, []byte("\xc3\x28")) }

func (BadUTF8) String() string { return "bad-utf8" }

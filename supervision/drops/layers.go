package drops

import (
	"crypto/tls"
	"errors"
	"fmt"
)

// carrier is the Conn whose bytes are the network's: c itself, or, of a c
// above TLS, the Conn below it. Without one there the error matches
// errors.ErrUnsupported.
func (c *Conn) carrier() (*Conn, error) {
	secure, ok := c.inner.(*tls.Conn)
	if !ok {
		return c, nil
	}
	if lower, ok := secure.NetConn().(*Conn); ok {
		return lower, nil
	}
	return nil, fmt.Errorf("TLS over a %T that is no drops.Conn: %w", secure.NetConn(), errors.ErrUnsupported)
}

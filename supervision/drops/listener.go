package drops

import "net"

// Listener makes a [Conn] of each connection that a listener accepts, and
// remembers the live ones. Made by [Listen].
type Listener struct {
	net.Listener
	live roster
}

// Listen wraps l, which may be a real one or one of a [Network], and which
// the result owns.
func Listen(l net.Listener) *Listener { return &Listener{Listener: l} }

// Accept waits for the next connection and returns it as a *[Conn].
func (l *Listener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := Wrap(inner)
	c.enlist(&l.live)
	return c, nil
}

// Conns returns the accepted connections that were neither closed by this
// side nor reset by a fault in it, in the order in which they were accepted.
func (l *Listener) Conns() []*Conn { return l.live.list() }

package drops

import (
	"context"
	"net"
)

// Dialer makes a [Conn] of each connection that is dialed, remembers the live
// ones, and fails dials on demand. Made by [NewDialer]; its methods may be
// called from anywhere.
type Dialer struct {
	next   func(ctx context.Context, network, addr string) (net.Conn, error)
	faults countdown[DialFault]
	live   roster
}

// NewDialer returns a Dialer that dials by next, such as the DialContext of a
// net.Dialer or of a [Network].
func NewDialer(next func(ctx context.Context, network, addr string) (net.Conn, error)) *Dialer {
	return &Dialer{next: next}
}

// DialContext dials and returns a *[Conn]; it fits a WebSocket dialer's
// NetDialContext. It blocks as long as what it dials by, or the fault, does,
// and returns their errors as they are.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if f, ok := d.faults.take(); ok {
		if err := f.Fail(ctx, network, addr); err != nil {
			return nil, err
		}
	}
	inner, err := d.next(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := Wrap(inner)
	c.enlist(&d.live)
	return c, nil
}

// Fail has f fail the next n dials, and all until [Dialer.Open] if n is
// negative. It replaces what was asked for before, and leaves alone the dials
// under way. A dial goes on if f returns no error: so a fault may merely delay
// it.
func (d *Dialer) Fail(n int, f DialFault) { d.faults.set(n, f) }

// Open fails no more dials from now on.
func (d *Dialer) Open() { d.faults.clear() }

// Conns returns the dialed connections that were neither closed by this side
// nor reset by a fault in it, in the order in which they were dialed.
func (d *Dialer) Conns() []*Conn { return d.live.list() }

// dialError dresses err as package net does. Unlike netError it names the
// network as the dial did.
func dialError(network, addr string, err error) error {
	return &net.OpError{Op: "dial", Net: network, Addr: address(addr), Err: err}
}

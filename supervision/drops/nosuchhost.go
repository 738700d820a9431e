package drops

import (
	"context"
	"net"
)

// NoSuchHost is a name that DNS does not know: the dial fails at once, with a
// *net.DNSError that is IsNotFound, in a *net.OpError.
type NoSuchHost struct{}

// Fail implements DialFault.
func (NoSuchHost) Fail(_ context.Context, network, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil { // an address of a Network is any text
		host = addr
	}
	lookup := &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	return &net.OpError{Op: "dial", Net: network, Err: lookup}
}

func (NoSuchHost) String() string { return "no-such-host" }

package drops

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
)

const defaultBuffer = 64 << 10

// Network is an in-memory network of buffered byte streams with the manners
// of TCP: bounded buffers, deadlines, half-close, FIN and RST. It starts no
// goroutine and blocks only in ways that testing/synctest understands. Made
// by [NewNetwork]; its methods may be called from anywhere at any time.
type Network struct {
	// Buffer is how many bytes each direction of a connection holds before
	// its writer blocks: 64 KiB if not positive. It applies to connections
	// dialed after it was set, and must not be set while others dial.
	Buffer int

	mu        sync.Mutex
	listeners map[string]*backlog
	dialed    uint32
	live      roster
}

// NewNetwork returns a network without listeners.
func NewNetwork() *Network {
	return &Network{listeners: make(map[string]*backlog)}
}

// Listen opens addr, such as "server:80", which is any text: dialers must use
// the same. It is an error that matches syscall.EADDRINUSE if addr is in use.
//
// The listener's Accept returns a *[Conn]. Its queue of connections not yet
// accepted is unbounded; closing it resets those and frees addr, and leaves
// the accepted ones alone.
func (n *Network) Listen(addr string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[addr] != nil {
		return nil, netError("listen", addr, os.NewSyscallError("bind", syscall.EADDRINUSE))
	}
	l := &backlog{addr: address(addr)}
	l.release = func() { n.release(addr) }
	n.listeners[addr] = l
	return l, nil
}

func (n *Network) release(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.listeners, addr)
}

// DialContext connects to the listener at addr; it fits a WebSocket dialer's
// NetDialContext. The result is a *[Conn]. It never blocks: the connection
// exists before it is accepted, as with TCP. Where nobody listens it returns
// a *net.OpError that matches syscall.ECONNREFUSED; of ctx only what has
// ended already counts, and network is ignored.
func (n *Network) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, netError("dial", addr, err)
	}
	l, local := n.route(addr)
	dialed, accepted := newEnds(n.buffer(), local, address(addr))
	c, peer := Wrap(dialed), Wrap(accepted)
	c.other, peer.other = peer, c
	if l == nil || !l.push(peer) {
		return nil, netError("dial", addr, os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	c.enlist(&n.live)
	return c, nil
}

// Conns returns the dialing end of each live connection, in the order in
// which they were dialed; [Conn.Other] is the accepting one. A connection
// lives until its dialing end was closed or reset.
func (n *Network) Conns() []*Conn { return n.live.list() }

// route finds who listens at addr, and an address for who calls.
func (n *Network) route(addr string) (*backlog, address) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dialed++
	i := n.dialed
	ip := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	return n.listeners[addr], address(fmt.Sprintf("%s:%d", ip, 1024+i>>24))
}

func (n *Network) buffer() int {
	if n.Buffer > 0 {
		return n.Buffer
	}
	return defaultBuffer
}

func netError(op, addr string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: address(addr), Err: err}
}

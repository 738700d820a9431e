package gateway

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/tetherws/tether/messages"
)

// sockets are the clients' sockets that are open or about to be: what the
// caps count. Nothing is called under its lock, so that a socket's end can be
// told under a connection's.
type sockets struct {
	most, mostPerAddress int

	mu        sync.Mutex
	live      map[*socket]struct{}
	byAddress map[netip.Addr]int
	expiring  map[messages.ID]*socket // those that expire: the newest of each connection
	arriving  int                     // whose handshake is under way
	ending    bool                    // no more are taken
	closed    bool                    // none expires any more
	landed    chan struct{}           // closed when ending and none is arriving
}

// socket is a place under the caps. Its fields are guarded by the sockets'
// lock.
type socket struct {
	address netip.Addr
	id      messages.ID // zero: its handshake is under way
	expiry  *time.Timer // nil: never
	gone    bool        // its place is free again
}

func newSockets(most, mostPerAddress int) sockets {
	return sockets{
		most: most, mostPerAddress: mostPerAddress,
		live: make(map[*socket]struct{}), byAddress: make(map[netip.Addr]int), expiring: make(map[messages.ID]*socket), landed: make(chan struct{}),
	}
}

// take takes a place for a socket from the address. The caller must call land
// in the end.
func (s *sockets) take(from netip.Addr) (*socket, *denial) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ending:
		return nil, crowded(draining, http.StatusServiceUnavailable, "going down")
	case len(s.live) >= s.most:
		return nil, crowded(full, http.StatusServiceUnavailable, "too many connections")
	case s.byAddress[from] >= s.mostPerAddress:
		return nil, crowded(addressFull, http.StatusTooManyRequests, "too many connections from this address")
	}
	c := &socket{address: from}
	s.live[c] = struct{}{}
	s.byAddress[from]++
	s.arriving++
	return c, nil
}

// open says that the handshake of c made it the socket of id. It is over
// already if the peer was quick to leave. expire, unless it is nil, is called
// after lifetime.
func (s *sockets) open(c *socket, id messages.ID, lifetime time.Duration, expire func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.id = id
	if c.gone { // and maybe a newer one is there
		return
	}
	if older := s.expiring[id]; older != nil { // its client has shown a grant anew
		older.expiry.Stop()
		delete(s.expiring, id)
	}
	if expire != nil && !s.closed {
		c.expiry = time.AfterFunc(lifetime, expire)
		s.expiring[id] = c
	}
}

// land ends the handshake of c. Its place is free again unless it was opened.
func (s *sockets) land(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.id.IsZero() {
		s.freeLocked(c)
	}
	s.arriving--
	s.tellLanded()
}

// free ends c: its place is free again. It may be called twice.
func (s *sockets) free(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.freeLocked(c)
}

func (s *sockets) freeLocked(c *socket) {
	if c.gone {
		return
	}
	c.gone = true
	if s.expiring[c.id] == c {
		c.expiry.Stop()
		delete(s.expiring, c.id)
	}
	delete(s.live, c)
	if s.byAddress[c.address]--; s.byAddress[c.address] == 0 {
		delete(s.byAddress, c.address)
	}
}

// end has no more sockets be taken. The channel is closed once no handshake
// is under way.
func (s *sockets) end() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ending {
		s.ending = true
		s.tellLanded()
	}
	return s.landed
}

// tellLanded is called after each change of what it depends on. mu is held.
func (s *sockets) tellLanded() {
	if !s.ending || s.arriving > 0 {
		return
	}
	select {
	case <-s.landed:
	default:
		close(s.landed)
	}
}

// taking reports whether more sockets are taken.
func (s *sockets) taking() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ending
}

// opened returns the open ones, each with its ID, and how many more may come
// of handshakes that are under way.
func (s *sockets) opened() (all map[*socket]messages.ID, arriving int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all = make(map[*socket]messages.ID, len(s.live))
	for c := range s.live {
		if !c.id.IsZero() {
			all[c] = c.id
		}
	}
	return all, s.arriving
}

package gateway

import (
	"context"
	"time"

	"github.com/tetherws/tether/messages"
)

// What a client is told whose grant has expired, and how long it has to take
// it before it is cut. Half of that is for messages that wait for their
// confirmation.
const (
	closeExpired   = 4401
	expired        = "token expired"
	expiryFarewell = 2 * time.Second
)

// open says that c is the socket of id now, until it expires. It is the
// socket that expires and not its connection: a client that returns has shown
// a grant anew, and while it is away there is nothing to end.
func (g *Gateway) open(c *socket, id messages.ID, expires time.Time) {
	if expires.IsZero() {
		g.sockets.open(c, id, 0, nil)
		return
	}
	g.sockets.open(c, id, time.Until(expires), func() { g.expire(c, id) })
}

// expire ends the connection of c.
func (g *Gateway) expire(c *socket, id messages.ID) {
	if !g.beginExpiry(c) {
		return
	}
	defer g.closing.Done()
	ctx, cancel := context.WithTimeout(g.ctx, expiryFarewell)
	defer cancel()
	err := g.fleet.Close(ctx, id, closeExpired, expired)
	g.log.Debug("expired", "conn", id, "cause", err)
}

// beginExpiry reports whether c is still to be ended. If so, the caller owes
// a closing.Done.
func (g *Gateway) beginExpiry(c *socket) bool {
	g.sockets.mu.Lock()
	defer g.sockets.mu.Unlock()
	if g.sockets.expiring[c.id] != c || g.sockets.closed {
		return false
	}
	g.closing.Add(1)
	return true
}

// shut has no more sockets be taken, and none expire.
func (s *sockets) shut() {
	s.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, c := range s.expiring {
		c.expiry.Stop()
	}
}

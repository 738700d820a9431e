package witness

import (
	"net"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// grace is how long an older socket may take to end.
const grace = time.Second

// socket is one connection of a client; the server's lock guards it.
type socket struct {
	order         int             // of its request; handlers may be scheduled in another
	conn          *websocket.Conn // nil until it has shaken hands
	struck, ended bool
}

// whole reports whether nothing has been done to the socket yet.
func (k *socket) whole() bool { return k != nil && !k.struck && !k.ended }

func (k *socket) close() {
	if k.conn != nil {
		_ = k.conn.NetConn().Close()
	}
}

// Strike hands the connection beneath the client's newest socket to fault, as
// the http.Server accepted it, if that socket is whole: nothing has been done
// to it before. It reports whether the fault has come about; an error of fault
// says that it has not. The fault must neither block nor call the Server: no
// newer handshake succeeds until it has returned.
func (s *Server) Strike(id string, fault func(net.Conn) error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clients[id]
	if c == nil || !c.newest.whole() {
		return false
	}
	c.newest.struck = fault(c.newest.conn.NetConn()) == nil
	return c.newest.struck
}

// join notes that the socket has shaken hands and lets the older ones be
// judged. It reports false if the server is closed.
func (s *Server) join(c *client, sock *socket, conn *websocket.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sock.conn = conn
	if s.closed {
		return false
	}
	if c.newest == nil || c.newest.order < sock.order {
		c.newest = sock
	}
	s.live = max(s.live, 1)
	if older := c.older(); len(older) > 0 {
		s.supersede(older)
	}
	return true
}

// older returns the sockets beside the newest that have shaken hands.
func (c *client) older() []*socket {
	return slices.DeleteFunc(slices.Clone(c.sockets), func(k *socket) bool {
		return k == c.newest || k.conn == nil
	})
}

// supersede has the older sockets judged when they have had their time to end.
func (s *Server) supersede(older []*socket) {
	for _, old := range older {
		s.superseded(old.conn.NetConn())
	}
	s.pending++
	time.AfterFunc(grace, func() { s.judge(older) })
}

// judge counts those of the older sockets that are still live, beside the
// newer one.
func (s *Server) judge(older []*socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	live := 1
	for _, old := range older {
		if !old.ended {
			live++
		}
	}
	s.live = max(s.live, live)
	s.pending--
	s.judged.Broadcast()
}

// awaitJudgements returns when none is to come. The lock is held.
func (s *Server) awaitJudgements() {
	for s.pending > 0 {
		s.judged.Wait()
	}
}

func (s *Server) leave(c *client, sock *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sock.ended = true
	c.sockets = slices.DeleteFunc(c.sockets, func(k *socket) bool { return k == sock })
}

// read takes what arrives until the socket ends.
func (s *Server) read(c *client, sock *socket) {
	for {
		_, data, err := sock.conn.ReadMessage()
		if err != nil {
			return
		}
		s.count(c, sock, data)
	}
}

func (s *Server) count(c *client, sock *socket, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.newest == sock {
		c.take(data)
	}
}

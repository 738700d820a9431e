package witness

import (
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// grace is how long an older socket may take to end.
const grace = time.Second

// socket is one connection of a client; the server's lock guards it.
type socket struct {
	order      int             // of its request; handlers may be scheduled in another
	conn       *websocket.Conn // nil until it has shaken hands
	cut, ended bool            // cut is by us
	silent     chan struct{}   // closed when it is read again; nil if it is not silent
}

// whole reports whether nothing has been done to the socket yet.
func (k *socket) whole() bool {
	return k != nil && !k.cut && !k.ended && k.silent == nil
}

func (k *socket) resume() {
	if k.silent != nil {
		close(k.silent)
		k.silent = nil
	}
}

func (k *socket) close() {
	if k.conn != nil {
		_ = k.conn.NetConn().Close()
	}
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
	older := c.older()
	if len(older) == 0 {
		return true
	}
	for _, old := range older {
		old.resume()
	}
	s.pending++
	time.AfterFunc(grace, func() { s.judge(older) })
	return true
}

// older returns the sockets beside the newest that have shaken hands.
func (c *client) older() []*socket {
	return slices.DeleteFunc(slices.Clone(c.sockets), func(k *socket) bool {
		return k == c.newest || k.conn == nil
	})
}

// judge counts those of the older sockets that are still live, beside the
// newer one.
func (s *Server) judge(older []*socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	live := 1
	for _, old := range older {
		if !old.cut && !old.ended {
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
	pong := sock.conn.PingHandler()
	sock.conn.SetPingHandler(func(data string) error {
		s.whileSilent(sock)
		return pong(data)
	})
	for {
		_, data, err := sock.conn.ReadMessage()
		if err != nil {
			return
		}
		s.whileSilent(sock)
		s.count(c, sock, data)
	}
}

// whileSilent blocks for as long as the socket is silenced.
func (s *Server) whileSilent(sock *socket) {
	s.mu.Lock()
	silent := sock.silent
	s.mu.Unlock()
	if silent != nil {
		<-silent
	}
}

func (s *Server) count(c *client, sock *socket, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.newest == sock {
		c.take(data)
	}
}

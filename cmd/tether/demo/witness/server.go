package witness

import (
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

// Server is the witness: the handler of a server of its own, which [New]
// makes. Its methods may be called from any goroutine.
type Server struct {
	superseded func(net.Conn)
	upgrader   websocket.Upgrader
	serving    sync.WaitGroup // one for each socket

	mu      sync.Mutex
	clients map[string]*client
	live    int // the most sockets that one client had at once
	pending int // judgements to come
	judged  *sync.Cond
	closed  bool
}

// client is all that is known of one name.
type client struct {
	account
	requests int       // for a handshake, so far
	sockets  []*socket // that have not ended
	newest   *socket   // whose handshake was asked for last, of those that succeeded
}

// New returns a witness that no client has come to yet. Close ends it.
//
// When a client has shaken hands anew, superseded is called with the
// connection beneath each older socket of its, as the http.Server accepted it,
// for it to be healed if it is silenced. It must neither block nor call the
// Server.
func New(superseded func(net.Conn)) *Server {
	s := &Server{
		superseded: superseded,
		upgrader:   websocket.Upgrader{ReadBufferSize: 512, WriteBufferSize: 512},
		clients:    make(map[string]*client),
	}
	s.judged = sync.NewCond(&s.mu)
	return s
}

// Close ends every connection, without a close frame, and returns when the
// handlers that held them have returned and no judgement is to come, 1 s after
// the last handshake at most. What comes later is refused.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for _, c := range s.clients {
		for _, sock := range c.sockets {
			sock.close()
		}
	}
	s.awaitJudgements()
	s.mu.Unlock()
	s.serving.Wait()
}

// ServeHTTP implements http.Handler. It serves one connection until that ends.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, sock, status := s.admit(r.URL.Query().Get("id"))
	if status != http.StatusOK {
		w.Header().Set("Connection", "close")
		http.Error(w, http.StatusText(status), status)
		return
	}
	defer s.serving.Done()
	defer s.leave(c, sock)
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	if s.join(c, sock, conn) {
		s.read(c, sock)
	}
}

// admit answers a request for a handshake: a place among the client's sockets,
// or the status to refuse it with.
func (s *Server) admit(id string) (*client, *socket, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case id == "":
		return nil, nil, http.StatusBadRequest
	case s.closed:
		return nil, nil, http.StatusServiceUnavailable
	case s.clients[id] == nil:
		s.clients[id] = new(client)
	}
	c := s.clients[id]
	c.requests++
	sock := &socket{order: c.requests}
	c.sockets = append(c.sockets, sock)
	s.serving.Add(1)
	return c, sock, http.StatusOK
}

package witness

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Server is the witness. Its methods may be called from any goroutine.
type Server struct {
	listener net.Listener
	http     http.Server
	upgrader websocket.Upgrader
	serving  sync.WaitGroup // one for each handler, and the accept loop

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
	refusals int       // handshakes to be answered 503
}

// Listen starts a server on a free port of the loopback interface. Close ends
// it.
func Listen() (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{
		listener: listener,
		upgrader: websocket.Upgrader{ReadBufferSize: 512, WriteBufferSize: 512},
		clients:  make(map[string]*client),
	}
	s.judged = sync.NewCond(&s.mu)
	s.http = http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	s.serving.Go(func() { _ = s.http.Serve(listener) })
	return s, nil
}

// URL is where the client of that name connects.
func (s *Server) URL(id string) string {
	return "ws://" + s.listener.Addr().String() + "/?id=" + id
}

// Close cuts every connection and returns when all goroutines of the server
// have ended.
func (s *Server) Close() {
	_ = s.http.Close() // only ever fails to close a listener that is closed
	s.mu.Lock()
	s.closed = true
	for _, c := range s.clients {
		for _, sock := range c.sockets {
			sock.cut = true
			sock.resume()
			sock.close()
		}
	}
	s.awaitJudgements()
	s.mu.Unlock()
	s.serving.Wait()
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
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
	switch c := s.clients[id]; {
	case id == "":
		return nil, nil, http.StatusBadRequest
	case s.closed:
		return nil, nil, http.StatusServiceUnavailable
	case c == nil:
		s.clients[id] = new(client)
	case c.refusals > 0:
		c.refusals--
		return nil, nil, http.StatusServiceUnavailable
	}
	c := s.clients[id]
	c.requests++
	sock := &socket{order: c.requests}
	c.sockets = append(c.sockets, sock)
	s.serving.Add(1)
	return c, sock, http.StatusOK
}

package demo

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/tetherws/tether/cmd/tether/demo/witness"
	"github.com/tetherws/tether/supervision/drops"
)

// server is what the connections are held to: the witness, on a listener whose
// connections take faults, and before it a gate for each client. Its methods
// may be called from any goroutine.
type server struct {
	witness   *witness.Server
	listener  net.Listener
	http      http.Server
	accepting sync.WaitGroup
	gates     sync.Map // client to *drops.Gate
}

// listen starts a server on a free port of the loopback interface. close ends
// it.
func listen() (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return serve(listener), nil
}

// serve starts a server on the listener, which it owns.
func serve(listener net.Listener) *server {
	s := &server{witness: witness.New(heal), listener: drops.Listen(listener)}
	s.http = http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.accepting.Go(func() { _ = s.http.Serve(s.listener) })
	return s
}

func heal(c net.Conn) { c.(*drops.Conn).Heal() }

// url is where the client of that name connects.
func (s *server) url(id string) string {
	return "ws://" + s.listener.Addr().String() + "/?id=" + id
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.gate(r.URL.Query().Get("id")).ServeHTTP(w, r)
}

// gate stands before the witness for one client.
func (s *server) gate(id string) *drops.Gate {
	gate, _ := s.gates.LoadOrStore(id, drops.NewGate(s.witness))
	return gate.(*drops.Gate)
}

// cut drops the client's connection in that way. It reports false if the client
// has none that is whole, or the fault fails: the connection has just ended.
func (s *server) cut(id string, d drop) bool {
	return s.witness.Strike(id, func(c net.Conn) error {
		if d.refuse {
			s.gate(id).Refuse(1, drops.Refuse{})
		}
		err := d.fault.Inject(c.(*drops.Conn))
		if err != nil && d.refuse {
			s.gate(id).Open()
		}
		return err
	})
}

// close cuts every connection and returns when they and the accept loop have
// ended.
func (s *server) close() {
	_ = s.http.Close() // only ever fails to close a listener that is closed
	s.witness.Close()
	s.accepting.Wait()
}

package witness

import (
	"time"

	"github.com/gorilla/websocket"
)

// Reset ends the client's connection with a TCP reset. It reports false, as
// all faults do, if the client has no connection that is whole.
func (s *Server) Reset(id string) bool { return s.fault(id, 0, (*socket).reset) }

// Refuse is a Reset after which the client's next handshake is answered with
// status 503.
func (s *Server) Refuse(id string) bool { return s.fault(id, 1, (*socket).reset) }

// Silence stops reading and writing on the client's connection: it stays
// open, and dead, until the client has shaken hands anew.
func (s *Server) Silence(id string) bool {
	return s.fault(id, 0, func(k *socket) { k.silent = make(chan struct{}) })
}

// CloseWith sends the client a close frame with the code; the connection ends
// when the client has answered it, or 5 s later.
func (s *Server) CloseWith(id string, code int) bool {
	var conn *websocket.Conn
	if !s.fault(id, 0, func(k *socket) { k.cut, conn = true, k.conn }) {
		return false
	}
	// Not under the lock: the write waits for one of a pong.
	frame := websocket.FormatCloseMessage(code, "")
	_ = conn.WriteControl(websocket.CloseMessage, frame, time.Now().Add(time.Second))
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	return true
}

func (k *socket) reset() {
	k.cut = true
	if tcp, ok := k.conn.NetConn().(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	k.close()
}

// fault does to the client's newest connection what it is told, if that one
// is whole, and lets so many handshakes be refused after it.
func (s *Server) fault(id string, refusals int, do func(*socket)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clients[id]
	if c == nil || !c.newest.whole() {
		return false
	}
	do(c.newest)
	c.refusals += refusals
	return true
}

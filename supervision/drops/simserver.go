package drops

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

const serverAddr = "server" + domain + ":80"

// acceptedKey is the key of a request's *Conn in its context.
type acceptedKey struct{}

func (s *Simulation) newServer() *http.Server {
	return &http.Server{
		Handler:           http.HandlerFunc(s.answer),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0), // of what the faults do
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, acceptedKey{}, c)
		},
	}
}

func (s *Simulation) serve() {
	l, err := s.network.Listen(serverAddr)
	if err != nil {
		panic(err) // the network has no other listener
	}
	s.running.Go(func() { _ = s.server.Serve(l) })
}

// stop ends the server with all of its sockets.
func (s *Simulation) stop() {
	_ = s.server.Close()
	for _, c := range s.subjects {
		c.cut()
	}
}

// cut resets what is left of the sockets.
func (c *subject) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.sockets {
		_ = k.cut(false)
		_ = k.Close()
	}
}

// DialContext dials the server; it is to be a WebSocket dialer's
// NetDialContext. The result is a *[Conn]. It fails, or blocks until ctx has
// ended, where the script has a DialFault, and does not block otherwise.
func (s *Simulation) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := s.subject(addr)
	if err != nil {
		return nil, netError("dial", addr, err)
	}
	if fault, given := c.dialFault(); given {
		s.observe(Dialed{Conn: c.number})
		return nil, fault.Fail(ctx, network, addr)
	}
	dialed, err := s.network.DialContext(ctx, network, serverAddr)
	if err != nil {
		return nil, err
	}
	k := c.add(dialed.(*Conn).Other())
	s.observe(Dialed{Conn: c.number, Socket: k.number})
	return dialed, nil
}

func (c *subject) dialFault() (DialFault, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure.take()
}

func (c *subject) refused() (Refusal, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refusal.take()
}

// answer is the server's handler.
func (s *Simulation) answer(w http.ResponseWriter, r *http.Request) {
	s.running.Add(1)
	defer s.running.Done()
	c, err := s.subject(r.Host)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	k := c.find(r.Context().Value(acceptedKey{}).(*Conn))
	if k == nil { // the simulation has ended
		return
	}
	defer c.finish(k)
	if refusal, given := c.refused(); given {
		s.observe(Refused{Conn: c.number, Socket: k.number})
		refusal.ServeHTTP(w, r)
		return
	}
	ws, err := new(websocket.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	// Gorilla's own handler would leave a write deadline behind, which would hit
	// what a fault writes later.
	ws.SetPingHandler(func(text string) error { return ws.WriteMessage(websocket.PongMessage, []byte(text)) })
	s.observe(Accepted{Conn: c.number, Socket: k.number, Live: c.rivals(k)})
	s.observe(Ended{Conn: c.number, Socket: k.number, Err: s.listen(ws, c.number, k.number)})
}

// answered is of how many messages one is sent back.
const answered = 4

// listen reads the socket until it ends, and says why it did.
func (s *Simulation) listen(ws *websocket.Conn, conn, socket int) error {
	for {
		kind, text, err := ws.ReadMessage()
		if err != nil {
			return err
		}
		number, err := strconv.ParseUint(string(text), 10, 64)
		if err != nil {
			return err
		}
		s.observe(Arrived{Conn: conn, Socket: socket, Number: number})
		if number%answered == 0 {
			_ = ws.WriteMessage(kind, text) // the next read fails too
		}
	}
}

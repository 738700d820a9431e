package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	largestHeader = 16 << 10         // of a request, in bytes
	refusing      = 10 * time.Second // for an answer to a handshake to be written
	uploading     = 30 * time.Second // for a request to the control to be read
	answering     = time.Minute      // for its answer to be written, if it is no stream
	idling        = 2 * time.Minute  // between two requests on one connection
)

// listen opens an address; net.Listen for TCP, but in tests.
type listen func(addr string) (net.Listener, error)

func listenTCP(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }

// server is one listener and who serves it.
type server struct {
	http.Server
	listener net.Listener
}

// open listens on behalf of the flag.
func (l listen) open(flag, addr string) (*server, error) {
	listener, err := l(addr)
	if err != nil {
		return nil, fmt.Errorf("%w: choose another address with %s", err, flag)
	}
	return &server{listener: listener}, nil
}

// prepare makes the server speak HTTP/1.1, which is what WebSockets need, to
// clients that ask in time.
func (s *server) prepare(cfg Config, c *certificate, log *slog.Logger) {
	s.ReadHeaderTimeout = cfg.HeaderTimeout
	s.IdleTimeout = idling
	s.MaxHeaderBytes = largestHeader
	s.ErrorLog = complainTo(log)
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	if c != nil {
		s.TLSConfig = c.config()
	}
}

// forClients has the server serve h, whose requests have no body. A socket that
// became no WebSocket is closed.
func (s *server) forClients(h http.Handler) {
	s.Handler = h
	s.SetKeepAlivesEnabled(false)
	s.ReadTimeout = s.ReadHeaderTimeout
	s.WriteTimeout = refusing
}

// forOperators has the server serve h, whose answers may be streams: they end
// with ctx.
func (s *server) forOperators(ctx context.Context, h http.Handler) {
	s.Handler = h
	s.ReadTimeout = max(uploading, s.ReadHeaderTimeout)
	s.WriteTimeout = answering
	s.BaseContext = func(net.Listener) context.Context { return ctx }
}

// serve blocks until the server is shut down or its listener fails.
func (s *server) serve() error {
	if s.TLSConfig != nil {
		return s.ServeTLS(s.listener, "", "")
	}
	return s.Serve(s.listener)
}

// end lets requests finish while ctx lasts, and cuts them then.
func (s *server) end(ctx context.Context) {
	_ = s.Shutdown(ctx)
	_ = s.Close()
}

// url is where the server is found.
func (s *server) url(scheme, path string) string {
	if s.TLSConfig != nil {
		scheme += "s"
	}
	return scheme + "://" + s.listener.Addr().String() + path
}

package drops_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

// site is a server, in memory or over loopback, whatever the address dialed.
type site struct {
	dial         func(ctx context.Context) (net.Conn, error)
	server       *http.Server
	expire       func() // ends the context of every request
	begun, ended chan struct{}
}

// onBothSites runs a test against handler on an in-memory network in virtual
// time and over loopback.
func onBothSites(t *testing.T, handler http.Handler, test func(t *testing.T, s *site)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := drops.NewNetwork()
			s := openSite(t, must(n.Listen("server:80")), handler)
			s.dial = func(ctx context.Context) (net.Conn, error) { return n.DialContext(ctx, "tcp", "server:80") }
			test(t, s)
		})
	})
	t.Run("tcp", func(t *testing.T) {
		l := must(net.Listen("tcp", "127.0.0.1:0"))
		s := openSite(t, l, handler)
		s.dial = func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
		}
		test(t, s)
	})
}

// openSite serves handler on l until the test ends.
func openSite(t *testing.T, l net.Listener, handler http.Handler) *site {
	base, expire := context.WithCancel(context.Background())
	s := &site{expire: expire, begun: make(chan struct{}, 100), ended: make(chan struct{}, 100)}
	s.server = &http.Server{
		BaseContext: func(net.Listener) context.Context { return base },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.begun <- struct{}{}
			defer func() { s.ended <- struct{}{} }()
			handler.ServeHTTP(w, r)
		}),
	}
	go s.server.Serve(l)
	t.Cleanup(func() {
		expire()
		_ = s.server.Close()
	})
	return s
}

func (s *site) DialContext(ctx context.Context, _, _ string) (net.Conn, error) { return s.dial(ctx) }

// webSocket shakes hands. Without an answer the status is 0.
func (s *site) webSocket(t *testing.T, header http.Header) (_ *websocket.Conn, status int, _ error) {
	dialer := websocket.Dialer{NetDialContext: s.DialContext, HandshakeTimeout: generous, Subprotocols: []string{"v2", "v1"}}
	ws, resp, err := dialer.Dial("ws://server/", header)
	if ws != nil {
		t.Cleanup(func() { _ = ws.Close() })
	}
	if resp != nil {
		status = resp.StatusCode
	}
	return ws, status, err
}

const handshakeRequest = "GET / HTTP/1.1\r\nHost: server\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// request dials and writes text.
func (s *site) request(t *testing.T, text string) net.Conn {
	t.Helper()
	c := must(s.dial(t.Context()))
	closeAfter(t, c)
	wantWrite(t, c, text)
	return c
}

// wantAnswer reads an answer, and not a byte more.
func wantAnswer(t *testing.T, c net.Conn, status int) (header http.Header, body string) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(generous))
	defer c.SetReadDeadline(time.Time{})
	resp, err := http.ReadResponse(bufio.NewReader(iotest.OneByteReader(c)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != status {
		t.Fatalf("status %d; want %d", resp.StatusCode, status)
	}
	return resp.Header, string(must(io.ReadAll(resp.Body)))
}

// within waits for a handler to begin or to end.
func within(t *testing.T, happened <-chan struct{}) {
	t.Helper()
	select {
	case <-happened:
	case <-time.After(generous):
		t.Fatal("nothing happened")
	}
}

// wantSilentEnd reads the end of the stream, in good order or not, and nothing
// before it.
func wantSilentEnd(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(generous))
	if n, err := c.Read(make([]byte, 64)); n != 0 || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("read %d bytes, %v; want none and the end", n, err)
	}
}

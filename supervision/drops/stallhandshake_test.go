package drops_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

func TestStallHandshakeHoldsUntilTheClientGivesUp(t *testing.T) {
	onBothSites(t, drops.StallHandshake{}, func(t *testing.T, s *site) {
		c := s.request(t, handshakeRequest)
		within(t, s.begun)
		wantNothing(t, c)
		_ = c.Close()
		within(t, s.ended)
	})
}

// A server's timeouts are for requests that arrive slowly and for answers.
func TestStallHandshakeOutlastsTheServersTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := drops.NewNetwork()
		l := drops.Listen(must(n.Listen("server:80")))
		server := &http.Server{
			Handler: drops.StallHandshake{}, ReadHeaderTimeout: time.Second, ReadTimeout: 2 * time.Second,
			WriteTimeout: 3 * time.Second, IdleTimeout: 4 * time.Second,
		}
		go server.Serve(l)
		defer server.Close()
		start := time.Now()
		dialer := websocket.Dialer{NetDialContext: n.DialContext, HandshakeTimeout: time.Hour}
		if _, _, err := dialer.Dial("ws://server/", nil); !isTimeout(err) || time.Since(start) != time.Hour {
			t.Errorf("%v after %v; want a timeout after 1h", err, time.Since(start))
		}
		synctest.Wait()
		if left := l.Conns(); len(left) != 0 {
			t.Errorf("%d connections are live", len(left))
		}
	})
}

func TestStallHandshakeEndsWithoutAByte(t *testing.T) {
	ends := map[string]func(s *site, c net.Conn){
		"client's half-close": func(_ *site, c net.Conn) { _ = c.(interface{ CloseWrite() error }).CloseWrite() },
		"server's close":      func(s *site, _ net.Conn) { _ = s.server.Close() },
		"context":             func(s *site, _ net.Conn) { s.expire() },
	}
	requests := map[string]string{
		"handshake": handshakeRequest,
		"body":      strings.Replace(handshakeRequest, "\r\n\r\n", "\r\nContent-Length: 4\r\n\r\nbody", 1),
	}
	for endName, end := range ends {
		for requestName, text := range requests {
			t.Run(endName+" after "+requestName, func(t *testing.T) {
				onBothSites(t, drops.StallHandshake{}, func(t *testing.T, s *site) {
					c := s.request(t, text)
					within(t, s.begun)
					wantNothing(t, c)
					end(s, c)
					within(t, s.ended)
					wantSilentEnd(t, c)
				})
			})
		}
	}
}

func TestStallHandshakeEndsInTheMiddleOfTheRequest(t *testing.T) {
	onBothSites(t, drops.StallHandshake{}, func(t *testing.T, s *site) {
		c := s.request(t, strings.Replace(handshakeRequest, "\r\n\r\n", "\r\nContent-Length: 4\r\n\r\nbo", 1))
		within(t, s.begun)
		wantNothing(t, c)
		_ = c.Close()
		within(t, s.ended)
	})
}

// net/http does not look out for the client's end after a body it can't read.
func TestStallHandshakeEndsWithARequestThatCannotBeRead(t *testing.T) {
	onBothSites(t, drops.StallHandshake{}, func(t *testing.T, s *site) {
		c := s.request(t, strings.Replace(handshakeRequest, "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n", 1))
		within(t, s.ended)
		wantSilentEnd(t, c)
	})
}

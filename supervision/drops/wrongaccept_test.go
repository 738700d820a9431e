package drops_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

func TestWrongAcceptIsNoUpgradeToTheClient(t *testing.T) {
	onBothSites(t, drops.WrongAccept{}, func(t *testing.T, s *site) {
		if _, status, err := s.webSocket(t, nil); status != 101 || !errors.Is(err, websocket.ErrBadHandshake) {
			t.Errorf("status %d, %v", status, err)
		}
		within(t, s.ended)
	})
}

// All but the accept is right, so nothing else can be what a client refuses.
func TestWrongAcceptIsWrongInTheAcceptAlone(t *testing.T) {
	onBothSites(t, drops.WrongAccept{}, func(t *testing.T, s *site) {
		c := s.request(t, handshakeRequest)
		header, _ := wantAnswer(t, c, 101)
		accept := header.Get("Sec-WebSocket-Accept")
		const right = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
		if header.Get("Upgrade") != "websocket" || header.Get("Connection") != "Upgrade" || len(accept) != len(right) || accept == right {
			t.Errorf("%v", header)
		}
	})
}

func TestWrongAcceptHoldsTheConnection(t *testing.T) {
	ends := map[string]func(s *site, c net.Conn){
		"client":  func(_ *site, c net.Conn) { _ = c.(interface{ CloseWrite() error }).CloseWrite() },
		"context": func(s *site, _ net.Conn) { s.expire() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			onBothSites(t, drops.WrongAccept{}, func(t *testing.T, s *site) {
				c := s.request(t, handshakeRequest)
				wantAnswer(t, c, 101)
				for range 3 {
					wantWrite(t, c, "a client that did not look")
					wantNothing(t, c)
				}
				end(s, c)
				within(t, s.ended)
				wantSilentEnd(t, c)
			})
		})
	}
}

func TestWhatIsNoHandshakeIsAnsweredSo(t *testing.T) {
	requests := map[string]struct {
		text   string
		status int
	}{
		"plain":     {"GET / HTTP/1.1\r\nHost: server\r\n\r\n", 400},
		"no key":    {strings.Replace(handshakeRequest, "Sec-WebSocket-Key", "X-Key", 1), 400},
		"bad key":   {strings.Replace(handshakeRequest, "dGhlIHNhbXBsZSBub25jZQ==", "!!!", 1), 400},
		"short key": {strings.Replace(handshakeRequest, "dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", 1), 400},
		"post":      {strings.Replace(handshakeRequest, "GET", "POST", 1), 405},
	}
	for name, request := range requests {
		for _, refusal := range []drops.Refusal{drops.WrongAccept{}, drops.Reject{Code: 1008}} {
			t.Run(refusal.String()+" "+name, func(t *testing.T) {
				onBothSites(t, refusal, func(t *testing.T, s *site) {
					wantAnswer(t, s.request(t, request.text), request.status)
				})
			})
		}
	}
}

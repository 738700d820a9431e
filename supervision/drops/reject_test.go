package drops_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

func TestRejectUpgradesAndCloses(t *testing.T) {
	long := strings.Repeat("r", 123)
	cases := []struct {
		reject drops.Reject
		want   websocket.CloseError
	}{
		{drops.Reject{}, websocket.CloseError{Code: 1006, Text: io.ErrUnexpectedEOF.Error()}},
		{drops.Reject{Reason: "not sent"}, websocket.CloseError{Code: 1006, Text: io.ErrUnexpectedEOF.Error()}},
		{drops.Reject{Code: 1008}, websocket.CloseError{Code: 1008}},
		{drops.Reject{Code: 4401, Reason: "token expired"}, websocket.CloseError{Code: 4401, Text: "token expired"}},
		{drops.Reject{Code: 1013, Reason: long}, websocket.CloseError{Code: 1013, Text: long}},
	}
	for _, c := range cases {
		t.Run(c.reject.String(), func(t *testing.T) {
			onBothSites(t, c.reject, func(t *testing.T, s *site) {
				ws, _, err := s.webSocket(t, nil)
				if err != nil {
					t.Fatal(err)
				}
				var got *websocket.CloseError
				if _, _, err := ws.ReadMessage(); !errors.As(err, &got) || *got != c.want {
					t.Errorf("read %v; want %v", err, &c.want)
				}
				_ = ws.Close()
				within(t, s.ended)
			})
		})
	}
}

func TestRejectSuitsEveryClient(t *testing.T) {
	onBothSites(t, drops.Reject{Code: 1008}, func(t *testing.T, s *site) {
		ws, _, err := s.webSocket(t, http.Header{"Origin": {"https://elsewhere.example"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := ws.Subprotocol(); got != "v2" {
			t.Errorf("subprotocol %q; want the first offered", got)
		}
	})
}

// An RST could overtake the close frame on its way to the client's program.
func TestRejectEndsInGoodOrderWhateverTheClientSends(t *testing.T) {
	ends := map[string]func(s *site, c net.Conn){
		"client":  func(_ *site, c net.Conn) { _ = c.Close() },
		"context": func(s *site, _ net.Conn) { s.expire() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			onBothSites(t, drops.Reject{Code: 1008, Reason: "no"}, func(t *testing.T, s *site) {
				c := s.request(t, handshakeRequest)
				wantAnswer(t, c, 101)
				for range 3 {
					wantWrite(t, c, "hello, server")
				}
				wantRead(t, c, "\x88\x04\x03\xf0no")
				wantReadError(t, c, io.EOF)
				wantWrite(t, c, "still there?")
				end(s, c)
				within(t, s.ended)
			})
		})
	}
}

func TestRejectClosesWhatCannotBeHalfClosed(t *testing.T) {
	client, server := net.Pipe()
	closeAfter(t, client, server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		request := must(http.NewRequestWithContext(t.Context(), http.MethodGet, "ws://server/", nil))
		for key, value := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		} {
			request.Header.Set(key, value)
		}
		drops.Reject{Code: 1001}.ServeHTTP(hijacker{conn: server}, request)
	}()
	wantAnswer(t, client, 101)
	wantRead(t, client, "\x88\x02\x03\xe9")
	wantReadError(t, client, io.EOF)
	within(t, done)
}

package drops_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestCloseCodeIsReadByThePeer(t *testing.T) {
	cases := []struct {
		name  string
		fault drops.CloseCode
		want  websocket.CloseError
	}{
		{"no payload", drops.CloseCode{}, websocket.CloseError{Code: 1005}},
		{"no reason", drops.CloseCode{Code: 1012}, websocket.CloseError{Code: 1012}},
		{"reason", drops.CloseCode{Code: 4000, Reason: "bye"}, websocket.CloseError{Code: 4000, Text: "bye"}},
		{"longest reason", drops.CloseCode{Code: 1001, Reason: strings.Repeat("r", 123)}, websocket.CloseError{Code: 1001, Text: strings.Repeat("r", 123)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, p pair) {
				client, _ := handshake(t, p)
				wantClose(t, c.fault, p.accepted, client, c.want)
			})
			onBoth(t, func(t *testing.T, p pair) {
				_, server := handshake(t, p)
				fault := c.fault
				fault.Masked = true
				wantClose(t, fault, p.dialed, server, c.want)
			})
		})
	}
}

func wantClose(t *testing.T, fault drops.CloseCode, from *drops.Conn, to *websocket.Conn, want websocket.CloseError) {
	t.Helper()
	if err := fault.Inject(from); err != nil {
		t.Fatal(err)
	}
	var got *websocket.CloseError
	if _, _, err := to.ReadMessage(); !errors.As(err, &got) || *got != want {
		t.Errorf("read %v; want %v", err, &want)
	}
}

func TestCloseCodeWaitsForTheWriteUnderWay(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		write := goWrite(p.accepted, make([]byte, huge))
		p.blocked(t, "Write")
		injected := make(chan error, 1)
		go func() { injected <- drops.CloseCode{}.Inject(p.accepted) }()
		wantRead(t, p.dialed, string(make([]byte, huge))+"\x88\x00")
		if err := <-injected; err != nil {
			t.Error(err)
		}
		<-write
	})
}

func TestCloseCodeThatCannotBeEncodedIsInvalid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dialMemory(t, drops.NewNetwork())
		for _, fault := range []drops.CloseCode{{Code: -1}, {Code: 65536}, {Code: 1000, Reason: strings.Repeat("r", 124)}} {
			if err := fault.Inject(c); !errors.Is(err, messages.ErrInvalid) {
				t.Errorf("%v: %v", fault, err)
			}
		}
		wantNothing(t, c.Other())
	})
}

// handshake makes WebSockets of both ends.
func handshake(t *testing.T, p pair) (client, server *websocket.Conn) {
	t.Helper()
	upgraded := make(chan *websocket.Conn, 1)
	go func() {
		r := must(http.ReadRequest(bufio.NewReader(p.accepted)))
		upgraded <- must(new(websocket.Upgrader).Upgrade(hijacker{conn: p.accepted}, r, nil))
	}()
	dialer := websocket.Dialer{NetDial: func(string, string) (net.Conn, error) { return p.dialed, nil }}
	client, _, err := dialer.Dial("ws://server/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return client, <-upgraded
}

// hijacker is the little that an Upgrader needs of a server.
type hijacker struct {
	http.ResponseWriter
	conn net.Conn
}

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

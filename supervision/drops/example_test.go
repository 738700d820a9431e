package drops_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

// A client beats every 25 seconds and gives the answer 10. The cable is pulled
// after 110 seconds: in virtual time that is at once, and found to the second.
// In a test of one's own the function literal is the body of the test.
func Example_silence() {
	var t testing.T // a test's own
	synctest.Test(&t, func(t *testing.T) {
		n := drops.NewNetwork()
		l, _ := n.Listen("server:80")
		server := &http.Server{Handler: http.HandlerFunc(echo)}
		go server.Serve(l)
		defer server.Close()

		dialer := websocket.Dialer{NetDialContext: n.DialContext}
		ws, _, err := dialer.Dial("ws://server/", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()

		start := time.Now()
		time.AfterFunc(110*time.Second, func() { _ = drops.Silence{}.Inject(n.Conns()[0]) })
		for err == nil {
			time.Sleep(25 * time.Second)
			_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
			_ = ws.WriteMessage(websocket.TextMessage, []byte("beat"))
			_, _, err = ws.ReadMessage()
		}
		fmt.Println(time.Since(start), err)
	})
	// Output: 2m15s read tcp 10.0.0.1:1024->server:80: i/o timeout
}

// The same on real sockets: the server's side of each connection takes faults.
func ExampleListen() {
	inner, _ := net.Listen("tcp", "127.0.0.1:0")
	l := drops.Listen(inner)
	server := &http.Server{Handler: http.HandlerFunc(echo)}
	go server.Serve(l)
	defer server.Close()

	ws, _, err := websocket.DefaultDialer.Dial("ws://"+l.Addr().String(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ws.Close()
	_ = drops.CloseCode{Code: websocket.CloseServiceRestart}.Inject(l.Conns()[0])
	_, _, err = ws.ReadMessage()
	fmt.Println(err)
	// Output: websocket: close 1012
}

func ExampleGate() {
	gate := drops.NewGate(http.HandlerFunc(echo))
	server := httptest.NewServer(gate)
	defer server.Close()

	gate.Refuse(1, drops.Refuse{Status: http.StatusTooManyRequests, RetryAfter: time.Minute})
	for range 2 {
		ws, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
		fmt.Println(resp.Status, resp.Header.Get("Retry-After"))
		if err == nil {
			ws.Close()
		}
	}
	// Output:
	// 429 Too Many Requests 60
	// 101 Switching Protocols
}

// A client's dials fail, and its connections are dropped, on real sockets.
func ExampleDialer() {
	server := httptest.NewServer(http.HandlerFunc(echo))
	defer server.Close()

	d := drops.NewDialer(new(net.Dialer).DialContext)
	dialer := websocket.Dialer{NetDialContext: d.DialContext}
	d.Fail(1, drops.NoSuchHost{})
	_, _, err := dialer.Dial("ws://feed.example/", nil)
	fmt.Println(err)

	ws, _, err := dialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ws.Close()
	_ = drops.Reset{}.Inject(d.Conns()[0])
	_, _, err = ws.ReadMessage()
	fmt.Println(errors.Is(err, syscall.ECONNRESET))
	// Output:
	// dial tcp: lookup feed.example: no such host
	// true
}

func echo(w http.ResponseWriter, r *http.Request) {
	ws, err := new(websocket.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	for {
		kind, data, err := ws.ReadMessage()
		if err != nil {
			return
		}
		if err := ws.WriteMessage(kind, data); err != nil {
			return
		}
	}
}

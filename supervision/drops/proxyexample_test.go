package drops_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

// A proxy before a server resets the connections of its clients.
func ExampleProxy() {
	server := httptest.NewServer(http.HandlerFunc(echo))
	defer server.Close()
	proxy, _ := drops.NewProxy("ws" + strings.TrimPrefix(server.URL, "http"))
	defer proxy.Close()
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	go proxy.Serve(l)

	ws, _, err := websocket.DefaultDialer.Dial("ws://"+l.Addr().String(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ws.Close()
	struck, _ := proxy.InjectShare(1, drops.Injection{Fault: drops.Reset{}})
	_, _, err = ws.ReadMessage()
	fmt.Println(struck, errors.Is(err, syscall.ECONNRESET))
	// Output: 1 true
}

package dial_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/cmd/tether/dial"
)

func ExampleRun() {
	var upgrader websocket.Upgrader
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		echo(conn, r)
	}))
	defer server.Close()

	cfg := dial.Config{URL: "ws" + strings.TrimPrefix(server.URL, "http"), MaxMessage: 1 << 20}
	err := dial.Run(context.Background(), cfg, strings.NewReader("one\ntwo\n"), os.Stdout, io.Discard)
	fmt.Println(err)
	// Output:
	// one
	// two
	// <nil>
}

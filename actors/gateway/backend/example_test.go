package backend_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway/backend"
)

// A whole service, which knows nothing of WebSockets: it greets who comes,
// answers what they say and ends the talk when they say bye.
func ExampleHTTP() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Tether-Event") {
		case "opened":
			fmt.Fprint(w, "welcome")
		case "message":
			said, _ := io.ReadAll(r.Body)
			if string(said) == "bye" {
				w.Header().Set("Tether-Close", "4000 as you wish")
			}
			fmt.Fprintf(w, "you said %s", said)
		}
	}))
	defer service.Close()

	b, err := backend.New(backend.Config{URL: service.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Shutdown(context.Background())
	m, err := actors.New(actors.Config{Handler: b})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Shutdown(context.Background())
	gateway := httptest.NewServer(m)
	defer gateway.Close()

	client, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(gateway.URL, "http"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	for _, say := range []string{"hello", "bye"} {
		if err := client.WriteMessage(websocket.TextMessage, []byte(say)); err != nil {
			fmt.Println(err)
		}
	}
	for {
		_, heard, err := client.ReadMessage()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s\n", heard)
	}
	// Output:
	// welcome
	// you said hello
	// you said bye
	// websocket: close 4000: as you wish
}

package drops_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// alarm is the handler to be proved: it raises a flag while it is blind.
type alarm struct {
	actors.BaseHandler
	blind bool
}

func (a *alarm) Opened(actors.Conn) error { a.blind = false; return nil }

func (a *alarm) Dropped(actors.Conn, error) { a.blind = true }

// A user's handler, proved against a cable that is pulled: it must know within
// 35 seconds that it is blind, and that it sees again. In a test of one's own
// the function literal is the body of the test, and Println an assertion.
func Example() {
	var t testing.T // a test's own
	synctest.Test(&t, func(t *testing.T) {
		network := drops.NewNetwork()
		listener, _ := network.Listen("server:80")
		server := &http.Server{Handler: http.HandlerFunc(echo)}
		go server.Serve(listener)
		defer server.Close()

		manager, _ := actors.New(actors.Config{})
		defer manager.Shutdown(context.Background())
		handler := &alarm{blind: true}
		id, _ := manager.Dial(t.Context(), actors.Target{
			URL: "ws://server/", Handler: handler,
			Dialer: &websocket.Dialer{NetDialContext: network.DialContext},
		})
		_ = manager.Wait(t.Context(), id, messages.Open)

		pulled := time.Now()
		_ = drops.Silence{}.Inject(network.Conns()[0])
		_ = manager.Wait(t.Context(), id, messages.Backoff)
		synctest.Wait()
		fmt.Println("blind:", handler.blind, "in time:", time.Since(pulled) <= 35*time.Second)

		_ = manager.Wait(t.Context(), id, messages.Open)
		synctest.Wait()
		fmt.Println("blind:", handler.blind)
	})
	// Output:
	// blind: true in time: true
	// blind: false
}

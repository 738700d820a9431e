// Command consumer uses Tether as another module would: it dials an echo
// server written with gorilla alone, and walks through the API.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "consumer:", err)
		os.Exit(1)
	}
	fmt.Println("consumer: ok")
}

func run() error {
	server := httptest.NewServer(http.HandlerFunc(echo))
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	echoed := make(chan string, 16)
	m, err := actors.New(actors.Config{
		Handler: actors.OnMessage(func(_ actors.Conn, msg messages.Message) error {
			echoed <- string(msg.Data)
			return nil
		}),
		Heartbeat: actors.Heartbeat{Idle: 5 * time.Second, Timeout: 5 * time.Second},
		Restart:   supervision.Policy{Backoff: supervision.Backoff{Min: 100 * time.Millisecond}},
		Governor:  supervision.Limits{PerSecond: 100},
		Outbox:    actors.Outbox{Messages: 16},
	})
	if err != nil {
		return err
	}
	id, err := m.Dial(ctx, actors.Target{URL: "ws" + strings.TrimPrefix(server.URL, "http")})
	if err != nil {
		return err
	}
	err = errors.Join(
		m.Wait(ctx, id, messages.Open),
		m.Send(id, messages.Text("hello")),
		m.Deliver(ctx, id, messages.Message{Kind: messages.KindBinary, Data: []byte("world"), Guarantee: messages.AtLeastOnce}),
	)
	if err != nil {
		return err
	}
	for _, want := range []string{"hello", "world"} {
		if got := <-echoed; got != want {
			return fmt.Errorf("echoed %q, want %q", got, want)
		}
	}
	info, err := m.Info(id)
	if err != nil || info.State != messages.Open || info.Confirmed != 1 || info.Written != 1 {
		return fmt.Errorf("info %+v: %w", info, err)
	}
	if err := m.Close(ctx, id, 1000, "done"); err != nil {
		return err
	}
	if err := m.Send(id, messages.Text("late")); !errors.Is(err, messages.ErrClosed) {
		return fmt.Errorf("send after close: %w", err)
	}
	return m.Shutdown(ctx)
}

func echo(w http.ResponseWriter, r *http.Request) {
	conn, err := new(websocket.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(kind, data) != nil {
			return
		}
	}
}

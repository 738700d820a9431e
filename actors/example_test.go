package actors_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// echoServer is a plain WebSocket server, and its address.
func echoServer() (*httptest.Server, string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		for {
			kind, data, err := ws.ReadMessage()
			if err != nil || ws.WriteMessage(kind, data) != nil {
				return
			}
		}
	}))
	return s, "ws" + strings.TrimPrefix(s.URL, "http")
}

func ExampleNew() {
	m, err := actors.New(actors.Config{HandlerTimeout: -1, Outbox: actors.Outbox{Bytes: -1}})
	fmt.Println(m == nil, errors.Is(err, messages.ErrInvalid))
	fmt.Println(err)
	// Output:
	// true true
	// invalid: Outbox.Bytes is negative: -1
	// invalid: HandlerTimeout is negative: -1ns
}

func ExampleManager_Dial() {
	server, url := echoServer()
	defer server.Close()
	ctx := context.Background()

	got := make(chan string)
	m, _ := actors.New(actors.Config{})
	defer m.Shutdown(ctx)
	id, err := m.Dial(ctx, actors.Target{
		URL: url,
		Hello: func(context.Context, actors.Conn) ([]messages.Message, error) {
			return []messages.Message{messages.Text("login")}, nil
		},
		Handler: actors.OnMessage(func(_ actors.Conn, m messages.Message) error {
			got <- string(m.Data)
			return nil
		}),
	})
	fmt.Println(err)
	_ = m.Send(id, messages.Text("sent before the socket is open"))
	fmt.Println(<-got)
	fmt.Println(<-got)
	// Output:
	// <nil>
	// login
	// sent before the socket is open
}

// The server knows the connection again after a drop, and nothing is lost.
func ExampleManager_Dial_resume() {
	ctx := context.Background()
	server, _ := actors.New(actors.Config{})
	defer server.Shutdown(ctx)
	ids := make(chan messages.ID, 2)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, err := server.Accept(w, r, actors.Client{Resume: 30 * time.Second}); err == nil {
			ids <- id
		}
	}))
	defer front.Close()

	got := make(chan string)
	m, _ := actors.New(actors.Config{Drills: true})
	defer m.Shutdown(ctx)
	_, err := m.Dial(ctx, actors.Target{
		URL:    "ws" + strings.TrimPrefix(front.URL, "http"),
		Resume: true,
		Handler: actors.OnMessage(func(_ actors.Conn, m messages.Message) error {
			got <- string(m.Data)
			return nil
		}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	first := <-ids
	_ = server.Send(first, messages.Text("before the drop"))
	fmt.Println(<-got)
	_, _ = m.Drill(actors.Drill{Fault: drops.Reset{}, For: time.Second})
	_ = server.Send(first, messages.Text("meanwhile"))
	fmt.Println(<-got)
	fmt.Println("the same connection:", <-ids == first)
	// Output:
	// before the drop
	// meanwhile
	// the same connection: true
}

func ExampleManager_Wait() {
	server, url := echoServer()
	defer server.Close()
	ctx := context.Background()
	m, _ := actors.New(actors.Config{})
	defer m.Shutdown(ctx)

	id, _ := m.Dial(ctx, actors.Target{URL: url})
	fmt.Println(m.Wait(ctx, id, messages.Open))
	info, _ := m.Info(id)
	fmt.Println(info.State, info.Incarnation)
	// Output:
	// <nil>
	// open 1
}

func ExampleManager_Send() {
	ctx := context.Background()
	m, _ := actors.New(actors.Config{Outbox: actors.Outbox{Messages: 2}})
	defer m.Shutdown(ctx)
	// Nobody listens there, so the messages wait.
	id, _ := m.Dial(ctx, actors.Target{URL: "ws://127.0.0.1:1/"})
	for _, price := range []string{"101", "102", "103"} {
		fmt.Println(m.Send(id, messages.Message{Kind: messages.KindText, Data: []byte(price), Key: "price"}))
	}
	fmt.Println(m.Send(id, messages.Text("news")))
	fmt.Println(errors.Is(m.Send(id, messages.Text("more news")), messages.ErrQueueFull))
	info, _ := m.Info(id)
	fmt.Println(info.Queued, "queued,", info.Replaced, "replaced")
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// <nil>
	// true
	// 2 queued, 2 replaced
}

func ExampleManager_Deliver() {
	server, url := echoServer()
	defer server.Close()
	ctx := context.Background()
	m, _ := actors.New(actors.Config{})
	defer m.Shutdown(ctx)
	id, _ := m.Dial(ctx, actors.Target{URL: url})

	order := messages.Text("buy")
	order.Guarantee = messages.AtLeastOnce
	fmt.Println("confirmed:", m.Deliver(ctx, id, order))

	down, _ := m.Dial(ctx, actors.Target{URL: "ws://127.0.0.1:1/"}) // nobody listens
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	err := m.Deliver(short, down, order)
	fmt.Println("withdrawn:", err, errors.Is(err, messages.ErrUnconfirmed))
	// Output:
	// confirmed: <nil>
	// withdrawn: context deadline exceeded false
}

func ExampleManager_ServeHTTP() {
	ctx := context.Background()
	m, _ := actors.New(actors.Config{
		Handler: actors.OnMessage(func(c actors.Conn, m messages.Message) error {
			return c.Send(messages.Text("you said " + string(m.Data)))
		}),
	})
	defer m.Shutdown(ctx)
	server := httptest.NewServer(m)
	defer server.Close()

	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ws.Close()
	_ = ws.WriteMessage(websocket.TextMessage, []byte("hello"))
	_, data, _ := ws.ReadMessage()
	fmt.Printf("%s\n", data)
	// Output: you said hello
}

func ExampleManager_Accept() {
	ctx := context.Background()
	m, _ := actors.New(actors.Config{})
	defer m.Shutdown(ctx)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := r.URL.Query().Get("user") // r is of no use once Accept has returned
		id, err := m.Accept(w, r, actors.Client{Labels: map[string]string{"user": user}})
		if err != nil {
			return // it has been answered
		}
		_ = m.Join(id, "everybody's news")
		m.Broadcast("everybody's news", messages.Text("welcome "+user))
	}))
	defer server.Close()

	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http")+"?user=ada", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ws.Close()
	_, data, _ := ws.ReadMessage()
	fmt.Printf("%s\n", data)
	// Output: welcome ada
}

// session is the state of one connection.
type session struct {
	actors.BaseHandler
	words int
	over  chan<- struct{}
}

func (s *session) Message(_ actors.Conn, m messages.Message) error {
	s.words += len(strings.Fields(string(m.Data)))
	if s.words >= 3 {
		return &messages.CloseError{Code: 4000, Reason: "enough"} // for good
	}
	return nil
}

func (s *session) Closed(_ actors.Conn, err error) {
	fmt.Println(s.words, "words,", err)
	close(s.over)
}

func ExampleHandler() {
	server, url := echoServer()
	defer server.Close()
	ctx := context.Background()
	m, _ := actors.New(actors.Config{})
	defer m.Shutdown(ctx)

	over := make(chan struct{})
	id, _ := m.Dial(ctx, actors.Target{URL: url, Handler: &session{over: over}})
	_ = m.Send(id, messages.Text("one"))
	_ = m.Send(id, messages.Text("two three"))
	<-over
	// Output: 3 words, connection closed by us with code 4000 ("enough")
}

func ExampleManager_Broadcast() {
	server, url := echoServer()
	defer server.Close()
	ctx := context.Background()
	got := make(chan string)
	m, _ := actors.New(actors.Config{Handler: actors.OnMessage(func(_ actors.Conn, m messages.Message) error {
		got <- string(m.Data)
		return nil
	})})
	defer m.Shutdown(ctx)
	for i := range 3 {
		id, _ := m.Dial(ctx, actors.Target{URL: url})
		if i > 0 {
			_ = m.Join(id, "traders")
		}
	}
	admitted, refused := m.Broadcast("traders", messages.Text("open"))
	fmt.Println(admitted, refused, <-got, <-got)
	// Output: 2 0 open open
}

func ExampleHeartbeat() {
	m, err := actors.New(actors.Config{Heartbeat: actors.Heartbeat{
		Idle:    15 * time.Second,
		Timeout: 5 * time.Second,
		Beat:    func() messages.Message { return messages.Text(`{"op":"ping"}`) },
		Reply: func(m messages.Message) (messages.Message, bool) {
			return messages.Text(`{"op":"pong"}`), string(m.Data) == `{"op":"ping"}`
		},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(m)
	defer server.Close()
	defer m.Shutdown(context.Background())

	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ws.Close()
	_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"op":"ping"}`))
	_, data, _ := ws.ReadMessage()
	fmt.Printf("%s\n", data)
	// Output: {"op":"pong"}
}

func ExampleManager_Close() {
	server, url := echoServer()
	defer server.Close()
	ctx := context.Background()
	m, _ := actors.New(actors.Config{})
	defer m.Shutdown(ctx)
	id, _ := m.Dial(ctx, actors.Target{URL: url})
	_ = m.Wait(ctx, id, messages.Open)

	fmt.Println(errors.Is(m.Close(ctx, id, 1006, ""), messages.ErrInvalid))
	fmt.Println(m.Close(ctx, id, 4000, "done"))
	fmt.Println(errors.Is(m.Send(id, messages.Text("late")), messages.ErrClosed))
	// Output:
	// true
	// <nil>
	// true
}

// Two of three connections fall silent. In virtual time that is found, and got
// over, at once.
func ExampleManager_Drill() {
	var t testing.T // a test's own
	synctest.Test(&t, func(t *testing.T) {
		n := drops.NewNetwork()
		l, _ := n.Listen("feed:80")
		server := httptest.Server{Listener: l, Config: &http.Server{Handler: upgraded(echoes)}}
		server.Start()
		defer server.Close()

		start := time.Now()
		m, _ := actors.New(actors.Config{
			Drills: true,
			Random: func(messages.ID) float64 { return 0.6 }, // or the output would vary
			OnEvent: func(e messages.Event) {
				if e, ok := e.(messages.EventTransition); ok && e.To == messages.Backoff {
					fmt.Printf("after %v: %v\n", e.At.Sub(start).Truncate(time.Second), e.Cause)
				}
			},
		})
		defer m.Shutdown(t.Context())
		for _, zone := range []string{"east", "west", "west"} {
			id, _ := m.Dial(t.Context(), actors.Target{
				URL: "ws://feed/", Labels: map[string]string{"zone": zone},
				Dialer: &websocket.Dialer{NetDialContext: n.DialContext},
			})
			_ = m.Wait(t.Context(), id, messages.Open)
		}

		west := map[string]string{"zone": "west"}
		struck, err := m.Drill(actors.Drill{Fault: drops.Silence{}, For: time.Minute, Labels: west})
		fmt.Println(len(struck), "struck,", err)
		time.Sleep(time.Hour)
		for info := range m.Connections() {
			fmt.Println(info.State)
		}
	})
	// Output:
	// 2 struck, <nil>
	// after 25s: heartbeat timed out
	// after 25s: heartbeat timed out
	// open
	// open
	// open
}

func ExampleManager_Shutdown() {
	ctx := context.Background()
	m, _ := actors.New(actors.Config{})
	id, _ := m.Dial(ctx, actors.Target{URL: "ws://127.0.0.1:1/"}) // nobody listens
	_ = m.Send(id, messages.Text("never delivered"))

	err := m.Shutdown(ctx)
	var left *messages.ShutdownError
	if errors.As(err, &left) {
		fmt.Println(left.Undelivered, "undelivered")
	}
	_, err = m.Dial(ctx, actors.Target{URL: "ws://127.0.0.1:1/"})
	fmt.Println(err)
	// Output:
	// 1 undelivered
	// manager is shut down
}

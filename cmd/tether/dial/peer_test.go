package dial_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/cmd/tether/dial"
)

// serve starts a server that treats each connection as told, and returns its
// URL.
func serve(t *testing.T, treat func(*websocket.Conn, *http.Request)) string {
	t.Helper()
	return "ws" + strings.TrimPrefix(start(t, httptest.NewServer, treat), "http")
}

func start(t *testing.T, server func(http.Handler) *httptest.Server, treat func(*websocket.Conn, *http.Request)) string {
	t.Helper()
	upgrader := websocket.Upgrader{Subprotocols: []string{"b"}, EnableCompression: true}
	var serving sync.WaitGroup
	s := server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serving.Add(1)
		defer serving.Done()
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Errorf("upgrading: %v", err)
			return
		}
		defer conn.Close()
		treat(conn, r)
	}))
	t.Cleanup(func() {
		s.Close()
		serving.Wait()
	})
	return s.URL
}

// echo is a peer that sends back all it gets.
func echo(conn *websocket.Conn, _ *http.Request) {
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if err := conn.WriteMessage(kind, data); err != nil {
			return
		}
	}
}

// buffer is a writer for many goroutines, which can be waited on.
type buffer struct {
	mu      sync.Mutex
	changed sync.Cond
	bytes.Buffer
}

func newBuffer() *buffer {
	b := new(buffer)
	b.changed.L = &b.mu
	return b
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.changed.Broadcast()
	return b.Buffer.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// await returns when text was written.
func (b *buffer) await(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !strings.Contains(b.Buffer.String(), text) {
		b.changed.Wait()
	}
}

// run is a running dial. Its stdin stays open until it is closed.
type run struct {
	stdin          *io.PipeWriter
	stdout, stderr *buffer
	interrupt      context.CancelFunc
	ended          chan error
}

func begin(t *testing.T, cfg dial.Config) *run {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	read, write := io.Pipe()
	r := &run{write, newBuffer(), newBuffer(), cancel, make(chan error, 1)}
	go func() { r.ended <- dial.Run(ctx, cfg, read, r.stdout, r.stderr) }()
	t.Cleanup(func() {
		cancel()
		write.Close()
		read.Close()
	})
	return r
}

// pipe runs dial with that stdin, to its end.
func pipe(cfg dial.Config, stdin string) (stdout, stderr string, err error) {
	out, errs := newBuffer(), newBuffer()
	err = dial.Run(context.Background(), cfg, strings.NewReader(stdin), out, errs)
	return out.String(), errs.String(), err
}

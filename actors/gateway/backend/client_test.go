package backend_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway/backend"
)

const limit = 10 * time.Second // real ones, and generous

// loopback is a gateway on real sockets.
type loopback struct {
	t   *testing.T
	h   *backend.HTTP
	m   *actors.Manager
	url string
}

func newLoopback(t *testing.T, config backend.Config) *loopback {
	h, err := backend.New(config)
	if err != nil {
		t.Fatal(err)
	}
	m, err := actors.New(actors.Config{Handler: h})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(m)
	l := &loopback{t, h, m, "ws" + strings.TrimPrefix(front.URL, "http")}
	t.Cleanup(func() {
		_ = m.Shutdown(within(t, limit))
		if err := h.Shutdown(within(t, limit)); err != nil {
			t.Error(err)
		}
		front.Close()
	})
	return l
}

func (l *loopback) connect() *websocket.Conn {
	l.t.Helper()
	c, _, err := websocket.DefaultDialer.Dial(l.url, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	return c
}

func TestTheOwnClientKeepsAsManyConnectionsAsItMayUse(t *testing.T) {
	const clients, rounds = 20, 20
	var connections atomic.Int64
	service := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("answer"))
	}))
	service.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	service.Start()
	t.Cleanup(service.Close) // behind the gateway, which has to tell it of each end
	l := newLoopback(t, backend.Config{URL: service.URL, Concurrency: clients})
	var talking sync.WaitGroup
	for range clients {
		c := l.connect()
		talking.Go(func() {
			for range rounds {
				_ = c.WriteMessage(websocket.TextMessage, []byte("question"))
				if _, data, err := c.ReadMessage(); err != nil || string(data) != "answer" {
					t.Errorf("%q, %v", data, err)
					return
				}
			}
		})
	}
	talking.Wait()
	if n := connections.Load(); n > clients {
		t.Errorf("%d connections for %d requests, %d of them at once", n, clients*(rounds+1), clients)
	}
}

func TestRedirectsAreNotFollowedWhateverTheClient(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for _, client := range []*http.Client{nil, {Transport: &http.Transport{DisableKeepAlives: true}}} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(fmt.Sprint(status, client != nil), func(t *testing.T) {
				service := httptest.NewServer(http.RedirectHandler(other.URL, status))
				defer service.Close()
				l := newLoopback(t, backend.Config{URL: service.URL, Client: client})
				c := l.connect()
				_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Time{})
				_, _, _ = c.ReadMessage()
				_ = l.m.Shutdown(within(t, limit))
				if got := l.h.Counts(); got.Refused != 2 || elsewhere.Load() != 0 {
					t.Errorf("%+v, %d requests went elsewhere", got, elsewhere.Load())
				}
			})
		}
		if client != nil && client.CheckRedirect != nil {
			t.Error("the caller's client was changed")
		}
	}
}

func TestAServiceThatCannotBeReachedIsNamedWithoutItsSecrets(t *testing.T) {
	nowhere := httptest.NewServer(nil)
	nowhere.Close()
	log := new(bytes.Buffer)
	h, err := backend.New(backend.Config{
		URL: nowhere.URL + "/?key=" + token, Retries: -1, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := actors.New(actors.Config{Handler: h})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(m)
	defer front.Close()
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(front.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := c.ReadMessage(); !websocket.IsCloseError(err, 1013) {
		t.Error(err)
	}
	_ = m.Shutdown(within(t, limit))
	_ = h.Shutdown(within(t, limit))
	if s := log.String(); !strings.Contains(s, "refused") || strings.Contains(s, token) {
		t.Errorf("logged %s", s)
	}
}

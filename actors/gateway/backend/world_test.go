package backend_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway/backend"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
	"github.com/tetherws/tether/supervision/drops"
)

// world is a manager whose clients and whose service are on an in-memory
// network, in virtual time. It must be made inside a bubble.
type world struct {
	t       *testing.T
	net     *drops.Network
	m       *actors.Manager
	service *service
	log     *bytes.Buffer // to be read when all is quiet
	began   time.Time
	stops   []func()
}

const (
	gatewayAddress = "gateway:80"
	serviceAddress = "service:80"
	token          = "token-in-the-url"
)

// bubble runs f in virtual time with a world whose manager has the config,
// and shuts all of it down at the end.
func bubble(t *testing.T, config actors.Config, f func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: drops.NewNetwork(), log: new(bytes.Buffer), began: time.Now()}
		m, err := actors.New(config)
		if err != nil {
			t.Fatal(err)
		}
		w.m = m
		w.listen(gatewayAddress, m)
		defer w.close()
		f(t, w)
	})
}

// withHTTP is bubble with an HTTP as the handler, and a service that does as
// serve says.
func withHTTP(t *testing.T, config backend.Config, serve http.HandlerFunc, f func(*testing.T, *world, *backend.HTTP)) {
	t.Helper()
	var h relay
	bubble(t, actors.Config{Handler: &h}, func(t *testing.T, w *world) {
		w.service = &service{serve: serve}
		w.listen(serviceAddress, w.service)
		h.HTTP = w.backend(config)
		f(t, w, h.HTTP)
	})
}

// relay is a handler that is made after its manager.
type relay struct{ *backend.HTTP }

// backend returns an HTTP on the in-memory network.
func (w *world) backend(config backend.Config) *backend.HTTP {
	w.t.Helper()
	transport := &http.Transport{DialContext: w.net.DialContext, MaxIdleConnsPerHost: 100}
	config.URL = "http://" + serviceAddress + "/events?key=" + token
	if config.Client == nil {
		config.Client = &http.Client{Transport: transport}
	}
	config.Logger = slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if config.Backoff == (supervision.Backoff{}) {
		config.Backoff.NoJitter = true
	}
	h, err := backend.New(config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.stops = append(w.stops, func() {
		if err := h.Shutdown(within(w.t, time.Minute)); err != nil {
			w.t.Errorf("backend: %v", err)
		}
		transport.CloseIdleConnections()
	})
	return h
}

func (w *world) listen(addr string, h http.Handler) {
	l, err := w.net.Listen(addr)
	if err != nil {
		w.t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(l)
	w.stops = append(w.stops, func() { s.Close() })
}

func (w *world) close() {
	_ = w.m.Shutdown(within(w.t, time.Minute))
	for i := range w.stops {
		w.stops[len(w.stops)-1-i]()
	}
	for _, c := range w.net.Conns() {
		c.Close()
		c.Other().Close()
	}
}

// within returns a context that ends after d.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// client is a WebSocket of a client.
type client struct {
	*websocket.Conn
	t *testing.T
}

// connect returns a client's socket to the gateway, once all is quiet.
func (w *world) connect() client {
	w.t.Helper()
	d := websocket.Dialer{NetDialContext: w.net.DialContext}
	c, _, err := d.Dial("ws://"+gatewayAddress+"/", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
	return client{c, w.t}
}

func (c client) say(text ...string) {
	c.t.Helper()
	for _, s := range text {
		if err := c.WriteMessage(websocket.TextMessage, []byte(s)); err != nil {
			c.t.Fatal(err)
		}
	}
}

// hears asserts the next messages.
func (c client) hears(text ...string) {
	c.t.Helper()
	for _, want := range text {
		if _, data, err := c.ReadMessage(); err != nil || string(data) != want {
			c.t.Fatalf("the client got %q, %v, want %q", data, err, want)
		}
	}
}

// closedWith asserts that nothing comes but a close frame.
func (c client) closedWith(code int, reason string) {
	c.t.Helper()
	_, data, err := c.ReadMessage()
	if end, ok := err.(*websocket.CloseError); !ok || end.Code != code || end.Text != reason { //nolint:errorlint // gorilla's own
		c.t.Fatalf("the client got %q, %v, want the end with %d %q", data, err, code, reason)
	}
}

// quiet asserts that nothing has come for the client within a second.
func (c client) quiet() {
	c.t.Helper()
	got := make(chan string, 1)
	go func() {
		_, data, err := c.ReadMessage()
		if err == nil {
			got <- string(data)
		}
	}()
	time.Sleep(time.Second)
	synctest.Wait()
	select {
	case s := <-got:
		c.t.Fatalf("the client got %q", s)
	default:
	}
}

// elapsed is the virtual time since the world was made.
func (w *world) elapsed() time.Duration { return time.Since(w.began) }

// only returns the one connection.
func (w *world) only() messages.Info {
	w.t.Helper()
	var all []messages.Info
	for info := range w.m.Connections() {
		all = append(all, info)
	}
	if len(all) != 1 {
		w.t.Fatalf("%d connections, want 1", len(all))
	}
	return all[0]
}

// service keeps what it is told.
type service struct {
	serve http.HandlerFunc

	mu  sync.Mutex
	all []told
}

// told is one request to the service.
type told struct {
	at     time.Time
	event  string
	id     string
	conn   string
	body   string
	header http.Header
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.all = append(s.all, told{
		time.Now(), r.Header.Get("Tether-Event"), r.Header.Get("Tether-Event-ID"),
		r.Header.Get("Tether-Connection"), string(body), r.Header,
	})
	s.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.serve(w, r)
}

// got returns what came so far, of the kind; "" is all.
func (s *service) got(event string) (some []told) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, each := range s.all {
		if event == "" || each.event == event {
			some = append(some, each)
		}
	}
	return some
}

func (s *service) bodies(event string) (some []string) {
	for _, each := range s.got(event) {
		some = append(some, each.body)
	}
	return some
}

// silent answers all with 204.
func silent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// toMessages answers messages as told, and all else with 204.
func toMessages(f http.HandlerFunc) http.HandlerFunc { return to("message", f) }

func to(event string, f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Tether-Event") == event {
			f(w, r)
			return
		}
		silent(w, r)
	}
}

// stalls answers nothing until the caller has left, or an hour has passed.
func stalls(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(time.Hour):
	}
}

package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// controlWorld is a manager with accepted clients, and a control API, both on
// an in-memory network in virtual time, or on real sockets.
type controlWorld struct {
	t       *testing.T
	m       *actors.Manager
	g       *gateway.Gateway
	feed    *gateway.Feed
	client  *http.Client
	base    string // of the control API's URLs
	clients string // where clients connect
	net     *drops.Network

	mu    sync.Mutex
	about actors.Client // of the next client
	ids   chan messages.ID
}

const (
	controlAddress = "127.0.0.1:8081"
	clientsAddress = "127.0.0.1:8080"
)

// controlBubble runs f in virtual time.
func controlBubble(t *testing.T, config gateway.Config, f func(*testing.T, *controlWorld)) {
	t.Helper()
	controlBubbleOf(t, config, actors.Config{}, f)
}

func controlBubbleOf(t *testing.T, config gateway.Config, of actors.Config, f func(*testing.T, *controlWorld)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newControlWorld(t, config, of)
		w.net = drops.NewNetwork()
		w.base, w.clients = "http://"+controlAddress, "ws://"+clientsAddress
		transport := &http.Transport{DialContext: w.net.DialContext}
		w.client = &http.Client{Transport: transport}
		stop := []*http.Server{w.serve(controlAddress, w.g.Control()), w.serve(clientsAddress, http.HandlerFunc(w.accept))}
		defer func() {
			w.shutdown()
			transport.CloseIdleConnections()
			for _, s := range stop {
				s.Close()
			}
			for _, c := range w.net.Conns() {
				c.Close()
				c.Other().Close()
			}
		}()
		f(t, w)
	})
}

func (w *controlWorld) serve(addr string, h http.Handler) *http.Server {
	l, err := w.net.Listen(addr)
	if err != nil {
		w.t.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go s.Serve(l)
	return s
}

// newControlReal is on real sockets, until the test ends.
func newControlReal(t *testing.T, config gateway.Config) *controlWorld {
	t.Helper()
	w := newControlWorld(t, config, actors.Config{})
	control := httptest.NewServer(w.g.Control())
	clients := httptest.NewServer(http.HandlerFunc(w.accept))
	w.base, w.clients, w.client = control.URL, strings.Replace(clients.URL, "http", "ws", 1), control.Client()
	t.Cleanup(func() {
		w.shutdown()
		control.CloseClientConnections()
		control.Close()
		clients.Close()
	})
	return w
}

func newControlWorld(t *testing.T, config gateway.Config, of actors.Config) *controlWorld {
	t.Helper()
	w := &controlWorld{t: t, feed: &gateway.Feed{}, ids: make(chan messages.ID, 1)}
	of.OnEvent = w.feed.Publish
	m, err := actors.New(of)
	if err != nil {
		t.Fatal(err)
	}
	if config.Feed == nil {
		config.Feed = w.feed
	}
	g, err := gateway.New(gateway.Local(m), config)
	if err != nil {
		t.Fatal(err)
	}
	w.m, w.g = m, g
	return w
}

func (w *controlWorld) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := w.m.Shutdown(ctx); err != nil {
		w.t.Log(err)
	}
}

func (w *controlWorld) accept(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	about := w.about
	w.mu.Unlock()
	if id, err := w.m.Accept(rw, r, about); err == nil {
		w.ids <- id
	}
}

// controlPeer is a client of the gateway.
type controlPeer struct {
	*websocket.Conn
	t   *testing.T
	id  messages.ID
	got chan messages.Message // closed when the socket ends
	end error                 // then
}

// connect has a client connect and read.
func (w *controlWorld) connect(about actors.Client) *controlPeer {
	w.t.Helper()
	p := w.connectSilent(about)
	go p.read()
	return p
}

// connectSilent has a client connect that does not read, and so answers no ping.
func (w *controlWorld) connectSilent(about actors.Client) *controlPeer {
	w.t.Helper()
	w.mu.Lock()
	w.about = about
	w.mu.Unlock()
	d := websocket.Dialer{}
	if w.net != nil {
		d.NetDialContext = w.net.DialContext
	}
	ws, _, err := d.Dial(w.clients, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { ws.Close() })
	return &controlPeer{Conn: ws, t: w.t, id: <-w.ids, got: make(chan messages.Message, 1000)}
}

func (p *controlPeer) read() {
	defer close(p.got)
	for {
		kind, data, err := p.ReadMessage()
		if err != nil {
			p.end = err
			return
		}
		p.got <- messages.Message{Kind: messages.Kind(kind), Data: data}
	}
}

// next is the next message.
func (p *controlPeer) next() messages.Message {
	p.t.Helper()
	select {
	case m, ok := <-p.got:
		if !ok {
			p.t.Fatalf("the socket has ended: %v", p.end)
		}
		return m
	case <-time.After(10 * time.Second):
		p.t.Fatal("no message came")
	}
	return messages.Message{}
}

// code is that of the close frame the client gets.
func (p *controlPeer) code() int {
	p.t.Helper()
	for range p.got {
	}
	if e, ok := p.end.(*websocket.CloseError); ok { //nolint:errorlint // gorilla does not wrap it
		return e.Code
	}
	p.t.Fatalf("the socket ended with %v", p.end)
	return 0
}

// controlAnswer is what the API answered.
type controlAnswer struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// do makes a request and holds it and its answer to the OpenAPI document.
// Headers are NAME: VALUE.
func (w *controlWorld) do(method, path, body string, headers ...string) controlAnswer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.base+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
			continue
		}
		req.Header.Add(name, value)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := controlAnswer{w.t, resp.StatusCode, resp.Header, data}
	controlConforms(w.t, req, body, a)
	return a
}

var controlDocument = sync.OnceValues(func() (*openapi3.T, routers.Router) {
	g, err := gateway.New(nil, gateway.Config{})
	if err != nil { // a nil fleet may be refused
		m, _ := actors.New(actors.Config{})
		defer m.Shutdown(context.Background())
		g, _ = gateway.New(gateway.Local(m), gateway.Config{})
	}
	rec := httptest.NewRecorder()
	req := httptest.NewRequest("GET", "/v1/openapi.json", nil)
	req.Host = "localhost"
	g.Control().ServeHTTP(rec, req)
	doc, err := openapi3.NewLoader().LoadFromData(rec.Body.Bytes())
	if err != nil {
		panic(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		panic(err)
	}
	return doc, router
})

// controlConforms holds a request that was taken, and any answer, to the document.
func controlConforms(t *testing.T, req *http.Request, body string, a controlAnswer) {
	t.Helper()
	doc, router := controlDocument()
	plain := req.Clone(context.Background())
	plain.Body = io.NopCloser(strings.NewReader(body))
	plain.ContentLength = int64(len(body))
	if body == "" {
		plain.Body = http.NoBody
	}
	if a.status >= 400 {
		a.isProblem(doc)
	}
	if req.Method == http.MethodHead { // is allowed wherever GET is
		return
	}
	route, params, err := router.FindRoute(plain)
	if err != nil {
		if a.status < 400 {
			t.Errorf("%s %s is answered with %d and not in the document: %v", req.Method, req.URL, a.status, err)
		}
		return
	}
	options := &openapi3filter.Options{
		IncludeResponseStatus: true, MultiError: true,
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}
	in := &openapi3filter.RequestValidationInput{Request: plain, PathParams: params, Route: route, Options: options}
	if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil && a.status < 400 {
		t.Errorf("%s %s is answered with %d and not as the document wants it: %v", req.Method, req.URL, a.status, err)
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: a.status, Header: a.header,
		Body: io.NopCloser(bytes.NewReader(a.body)), Options: options,
	}
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		t.Errorf("the answer %d to %s %s is not what the document says: %v\n%s", a.status, req.Method, req.URL, err, a.body)
	}
}

// isProblem holds an error without a route to the document.
func (a controlAnswer) isProblem(doc *openapi3.T) {
	a.t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		a.t.Errorf("an error has the Content-Type %q", got)
	}
	if len(a.body) == 0 { // of HEAD
		return
	}
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.t.Errorf("%v in %s", err, a.body)
		return
	}
	if err := doc.Components.Schemas["Problem"].Value.VisitJSON(v); err != nil {
		a.t.Errorf("%v in %s", err, a.body)
	}
}

// is asserts a status without a problem.
func (a controlAnswer) is(status int) controlAnswer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("answered %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// refuses asserts a problem, and for invalid ones the field.
func (a controlAnswer) refuses(status int, code, field string) controlAnswer {
	a.t.Helper()
	var p controlProblem
	a.json(&p)
	if a.status != status || p.Status != status || p.Code != code || p.Field != field {
		a.t.Errorf("answered %d %q %q, want %d %q %q: %s", a.status, p.Code, p.Field, status, code, field, a.body)
	}
	return a
}

type controlProblem struct {
	Status              int
	Code, Field, Detail string
}

func (a controlAnswer) json(into any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, into); err != nil {
		a.t.Fatalf("%v in %q", err, a.body)
	}
}

// text asserts the body, which is one line.
func (a controlAnswer) text(want string) {
	a.t.Helper()
	if got := strings.TrimSuffix(string(a.body), "\n"); got != want {
		a.t.Errorf("answered %s, want %s", got, want)
	}
}

// controlFleet is a fleet some of whose calls are a test's own.
type controlFleet struct {
	gateway.Fleet
	send func() error
	dial func(actors.Target) (messages.ID, error)
}

func (f controlFleet) Send(context.Context, messages.ID, messages.Message) error    { return f.send() }
func (f controlFleet) Deliver(context.Context, messages.ID, messages.Message) error { return f.send() }
func (f controlFleet) Dial(_ context.Context, t actors.Target) (messages.ID, error) { return f.dial(t) }

// controlOver is a control API over a fleet, asked without a network.
func controlOver(t *testing.T, fleet gateway.Fleet, config gateway.Config) func(*http.Request) controlAnswer {
	t.Helper()
	g, err := gateway.New(fleet, config)
	if err != nil {
		t.Fatal(err)
	}
	h := g.Control()
	return func(r *http.Request) controlAnswer { return controlServe(t, h, r) }
}

// controlRequest is one without a network, to the right host.
func controlRequest(method, path, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "localhost:8081"
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	return r
}

// controlReal is where a server of the test's own listens.
func controlReal(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "http", "ws", 1)
}

// dialer dials within the world's network.
func (w *controlWorld) dialer() *websocket.Dialer {
	return &websocket.Dialer{NetDialContext: w.net.DialContext}
}

func controlServe(t *testing.T, h http.Handler, r *http.Request) controlAnswer {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return controlAnswer{t, rec.Code, rec.Header(), rec.Body.Bytes()}
}

package actors_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// world is a manager and a plain gorilla server on an in-memory network, in
// virtual time. It must be made inside a bubble.
type world struct {
	t      *testing.T
	net    *drops.Network
	server *http.Server
	m      *actors.Manager
	events *events

	mu    sync.Mutex
	serve func(*peer) // runs for each socket the server accepts
	gate  *drops.Gate
}

// peer is one socket as the server sees it.
type peer struct {
	*websocket.Conn
	wire *drops.Conn
	req  *http.Request
}

const address = "server:80"

// bubble runs f in virtual time with a world whose manager has the config,
// and shuts all of it down at the end.
func bubble(t *testing.T, config actors.Config, f func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, config)
		defer w.close()
		f(t, w)
	})
}

func newWorld(t *testing.T, config actors.Config) *world {
	w := &world{t: t, net: drops.NewNetwork(), events: &events{}, serve: echo}
	if config.OnEvent == nil {
		config.OnEvent = w.events.add
	}
	m, err := actors.New(config)
	if err != nil {
		t.Fatal(err)
	}
	w.m = m
	w.listen()
	return w
}

// listen starts the server.
func (w *world) listen() {
	l, err := w.net.Listen(address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.gate = drops.NewGate(http.HandlerFunc(w.handle))
	w.server = &http.Server{Handler: w.gate, ReadHeaderTimeout: time.Minute}
	go w.server.Serve(l)
}

func (w *world) handle(rw http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{Subprotocols: []string{"chat"}}
	ws, err := up.Upgrade(rw, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	w.mu.Lock()
	serve := w.serve
	w.mu.Unlock()
	serve(&peer{Conn: ws, wire: ws.NetConn().(*drops.Conn), req: r})
}

// serves sets what the server does with the sockets it accepts from now on.
func (w *world) serves(f func(*peer)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serve = f
}

func (w *world) close() {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	_ = w.m.Shutdown(ctx)
	w.server.Close()
	for _, c := range w.net.Conns() {
		c.Close()
		c.Other().Close()
	}
}

// target returns a Target for the server on the in-memory network.
func (w *world) target() actors.Target {
	return actors.Target{
		URL:    "ws://" + address + "/",
		Dialer: &websocket.Dialer{NetDialContext: w.net.DialContext},
	}
}

// dial registers t and waits until it is open.
func (w *world) dial(t actors.Target) messages.ID {
	w.t.Helper()
	id, err := w.m.Dial(w.t.Context(), t)
	if err != nil {
		w.t.Fatal(err)
	}
	w.wait(id, messages.Open)
	return id
}

func (w *world) wait(id messages.ID, s ...messages.State) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 24*time.Hour)
	defer cancel()
	if err := w.m.Wait(ctx, id, s...); err != nil {
		w.t.Fatalf("waiting for %v: %v", s, err)
	}
}

func (w *world) info(id messages.ID) messages.Info {
	w.t.Helper()
	info, err := w.m.Info(id)
	if err != nil {
		w.t.Fatal(err)
	}
	return info
}

// state asserts the state of a connection that may be closed.
func (w *world) state(id messages.ID, want messages.State) {
	w.t.Helper()
	if info, _ := w.m.Info(id); info.State != want {
		w.t.Fatalf("state is %v, want %v (history %v)", info.State, want, info.History)
	}
}

func (w *world) send(id messages.ID, m messages.Message) {
	w.t.Helper()
	if err := w.m.Send(id, m); err != nil {
		w.t.Fatal(err)
	}
}

// wire returns the dialed connection's end of the one live socket.
func (w *world) wire() *drops.Conn {
	w.t.Helper()
	all := w.net.Conns()
	if len(all) != 1 {
		w.t.Fatalf("%d live sockets, want 1", len(all))
	}
	return all[0]
}

// echo sends back what arrives, until the socket ends.
func echo(p *peer) {
	for {
		kind, data, err := p.ReadMessage()
		if err != nil || p.WriteMessage(kind, data) != nil {
			return
		}
	}
}

// sink reads and drops what arrives.
func sink(p *peer) {
	for {
		if _, _, err := p.ReadMessage(); err != nil {
			return
		}
	}
}

// inbox gathers messages.
type inbox struct {
	mu  sync.Mutex
	all []string
}

func (i *inbox) add(s string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.all = append(i.all, s)
}

func (i *inbox) got() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string{}, i.all...)
}

// keep is a server that keeps what arrives on any socket.
func (i *inbox) keep(p *peer) {
	for {
		_, data, err := p.ReadMessage()
		if err != nil {
			return
		}
		i.add(string(data))
	}
}

// events gathers what OnEvent is told.
type events struct {
	mu          sync.Mutex
	transitions []messages.EventTransition
	outcomes    []messages.EventOutcome
}

func (e *events) add(event messages.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch event := event.(type) {
	case messages.EventTransition:
		e.transitions = append(e.transitions, event)
	case messages.EventOutcome:
		e.outcomes = append(e.outcomes, event)
	}
}

// last returns the latest transition to the state, once all is quiet: who
// waits for a state may be told of it before OnEvent is.
func (e *events) last(s messages.State) (t messages.EventTransition, ok bool) {
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := len(e.transitions) - 1; i >= 0; i-- {
		if e.transitions[i].To == s {
			return e.transitions[i], true
		}
	}
	return t, false
}

// holds has the server hand each socket it accepts to the test, and read
// nothing of it.
func (w *world) holds() <-chan *peer {
	held := make(chan *peer, 1000)
	w.serves(func(p *peer) {
		held <- p
		<-w.t.Context().Done()
	})
	return held
}

// greeted dials a socket that the server holds, and on which it has said hi.
func (w *world) greeted() (*peer, messages.ID) {
	w.t.Helper()
	held := w.holds()
	id := w.dial(w.target())
	p := <-held
	if err := p.WriteMessage(websocket.TextMessage, []byte("hi")); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
	return p, id
}

// listens serves HTTP at addr until stop is called.
func (w *world) listens(addr string, h http.Handler) (stop func() error) {
	l, err := w.net.Listen(addr)
	if err != nil {
		w.t.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go s.Serve(l)
	return s.Close
}

// calls returns a plain client's socket to addr.
func (w *world) calls(addr string) *websocket.Conn {
	w.t.Helper()
	d := websocket.Dialer{NetDialContext: w.net.DialContext}
	c, _, err := d.Dial("ws://"+addr+"/", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

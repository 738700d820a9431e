package drops

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/tetherws/tether/messages"
)

// Proxy stands between WebSocket clients and a server, on real sockets, and
// makes faults happen to the connections that pass through it. What no fault
// touches it passes on as it is: every byte behind the handshake, a FIN as FIN
// and an RST as RST. Of the handshake it changes the Host and the path, as
// [NewProxy] says; Origin stays the client's, so a server that takes only its
// own has to be told of the proxy's.
//
// It connects to its upstream once for each client. Each connection has an
// ID, counted from 1 as they are accepted. [Proxy.Inject], [Proxy.InjectInto]
// and the like make faults happen; as a [Stage] it plays a [Script];
// [Proxy.Control] does it over HTTP. Made by [NewProxy]; the fields must be
// set before Serve, and the methods may be called from anywhere.
//
// Both sides of a connection are a [Conn] each, so that a fault can strike one
// of them alone; an end that it makes there is passed on as any other. With a
// wss upstream the server's Conn lies beneath TLS: faults that need to know
// frames work on the client's side alone.
type Proxy struct {
	// TLS is for a wss upstream; nil is its zero value.
	TLS *tls.Config
	// Dial connects to the upstream; nil is a net.Dialer's DialContext.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Seed is of the connections that InjectShare picks.
	Seed uint64

	upstream *url.URL
	server   http.Server
	ctx      context.Context // of all handshakes; ends with Close
	cancel   context.CancelFunc
	serving  sync.WaitGroup // calls of Serve
	working  sync.WaitGroup // what they have begun

	mu        sync.Mutex // guards what follows, and of each proxied what it says
	closed    bool
	listeners []*Listener
	last      uint64     // ID
	conns     []*proxied // by ID
	hurdles   []hurdle
	counts    ProxyCounts
	random    *rand.Rand
}

const (
	proxyHeaderTimeout    = 10 * time.Second // for a client's request
	proxyHandshakeTimeout = time.Minute      // for the upstream's answer
)

// NewProxy returns a proxy before upstream, a ws or wss URL without user and
// fragment; anything else is an error that matches messages.ErrInvalid.
//
// A client's query is added to upstream's, and its path appended to
// upstream's, unless it is "/": behind ws://host/feed?v=1 a client that asks
// for / gets /feed?v=1, and one that asks for /a?b=c gets /feed/a?v=1&b=c.
func NewProxy(upstream string) (*Proxy, error) {
	u, err := parseUpstream(upstream)
	if err != nil {
		return nil, err
	}
	p := &Proxy{upstream: u, counts: newCounts()}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.server = http.Server{
		Handler:           http.HandlerFunc(p.handshake),
		ReadHeaderTimeout: proxyHeaderTimeout,
		IdleTimeout:       proxyHeaderTimeout,
		BaseContext:       func(net.Listener) context.Context { return p.ctx },
		ConnState:         p.follow,
	}
	return p, nil
}

func parseUpstream(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil: // which may hold a password
		return nil, fmt.Errorf("%w: the upstream is not a URL", messages.ErrInvalid)
	case u.Scheme != "ws" && u.Scheme != "wss" || u.Hostname() == "":
		return nil, fmt.Errorf("%w: upstream %q must begin with ws://HOST or wss://HOST", messages.ErrInvalid, u.Redacted())
	case u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("%w: upstream %q must have neither user nor fragment", messages.ErrInvalid, u.Redacted())
	}
	return u, nil
}

// Serve accepts clients from l, which it owns, and blocks until l fails or
// [Proxy.Close] is called; then it returns http.ErrServerClosed. It may be
// called for several listeners.
func (p *Proxy) Serve(l net.Listener) error {
	clients := Listen(l)
	if !p.begin(clients) {
		_ = l.Close()
		return http.ErrServerClosed
	}
	defer p.serving.Done()
	return p.server.Serve(clients)
}

func (p *Proxy) begin(l *Listener) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.serving.Add(1)
	p.listeners = append(p.listeners, l)
	return true
}

// follow counts the server's goroutines, each from before its begin to its
// end, or to a hijack by a handler that counts itself.
func (p *Proxy) follow(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		p.working.Add(1)
	case http.StateClosed, http.StateHijacked:
		p.working.Done()
	}
}

// Close closes the listeners, resets every connection on both sides, and
// returns when nothing of the proxy is left running. It never fails.
func (p *Proxy) Close() error {
	conns := p.shut()
	p.cancel()
	_ = p.server.Close() // its errors are the listeners': they are gone either way
	for _, c := range conns {
		c.cut(func(e *ProxyEnds) { e.Closed++ })
	}
	p.serving.Wait()
	p.hangUp()
	p.working.Wait()
	return nil
}

func (p *Proxy) shut() []*proxied {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return append([]*proxied(nil), p.conns...)
}

// hangUp closes the clients that the server does not know of: those a refusal
// has taken from it, and one accepted while it closed.
func (p *Proxy) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.listeners {
		for _, c := range l.Conns() {
			_ = c.Close()
		}
	}
}

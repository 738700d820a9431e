package backend

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
)

// HTTP is an actors.Handler that hands what happens on connections to an HTTP
// service, as the package's documentation says. Make one with [New]. It has no
// goroutine of its own: requests are made on those of the connections.
type HTTP struct {
	actors.BaseHandler // a drop is not an event

	config Config
	client *http.Client
	own    bool          // nobody else uses client
	slots  chan struct{} // taken by the requests under way
	run    string        // tells this gateway's events from those of an earlier one
	last   atomic.Uint64 // number of an event
	counts counters

	life context.Context // ends when Shutdown waits no longer
	cut  context.CancelFunc

	mu       sync.Mutex
	stopping bool
	calls    sync.WaitGroup // of the handler; grows under mu alone
}

// New returns an HTTP, which holds connections to the service until its
// Shutdown. An error reports every bad field at once and matches
// [messages.ErrInvalid].
func New(config Config) (*HTTP, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	h := &HTTP{
		config: config,
		client: newClient(config),
		own:    config.Client == nil,
		slots:  make(chan struct{}, config.Concurrency),
		run:    fmt.Sprintf("%08x", rand.Uint32()),
	}
	h.life, h.cut = context.WithCancel(context.Background())
	return h, nil
}

// newClient returns a client that follows no redirects.
func newClient(config Config) *http.Client {
	client := http.Client{Transport: newTransport(config)}
	if config.Client != nil {
		client = *config.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// newTransport spreads requests over connections of HTTP/1.1, so that none
// waits for another's packets, and takes answers as they are.
func newTransport(config Config) *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		// A dial is not ended with the request that it was for.
		DialContext:         (&net.Dialer{Timeout: config.Timeout}).DialContext,
		TLSHandshakeTimeout: config.Timeout,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		MaxConnsPerHost:     config.Concurrency,
		MaxIdleConnsPerHost: config.Concurrency,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true,
	}
}

// Opened implements actors.Handler.
func (h *HTTP) Opened(c actors.Conn) error {
	h.counts.opened.Add(1)
	return h.handle(c, h.openedEvent(c))
}

// Message implements actors.Handler.
func (h *HTTP) Message(c actors.Conn, m messages.Message) error {
	h.counts.messages.Add(1)
	return h.handle(c, h.messageEvent(c, m))
}

// Closed implements actors.Handler.
func (h *HTTP) Closed(c actors.Conn, err error) {
	h.counts.closed.Add(1)
	_ = h.handle(c, h.closedEvent(c, err)) // there is nothing left to fail
}

// handle hands e over and does as the answer says.
func (h *HTTP) handle(c actors.Conn, e event) error {
	ctx, leave, err := h.enter()
	if err != nil {
		return h.lost(c, e, err)
	}
	defer leave()
	a, err := h.post(ctx, e)
	if err != nil {
		return h.lost(c, e, err)
	}
	return h.obey(ctx, c, e, a)
}

// enter registers a call, whose context ends when there is no time left for
// it.
func (h *HTTP) enter() (ctx context.Context, leave func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopping {
		return nil, nil, messages.ErrShutdown
	}
	h.calls.Add(1)
	ctx, cancel := context.WithTimeout(h.life, h.config.Total)
	return ctx, func() { cancel(); h.calls.Done() }, nil
}

// Shutdown ends the backend; the manager is to be shut down before, or else
// its connections fail. Events under way are waited for until ctx ends, and
// cut then, which ctx's error reports; later ones are lost. The connections to
// the service are closed, unless they are those of the Config's Client. It may
// be called more than once.
func (h *HTTP) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.stopping = true
	h.mu.Unlock()
	cutting := context.AfterFunc(ctx, h.cut)
	h.calls.Wait()
	inTime := cutting()
	h.cut()
	if h.own {
		h.client.CloseIdleConnections()
	}
	if inTime {
		return nil
	}
	return ctx.Err()
}

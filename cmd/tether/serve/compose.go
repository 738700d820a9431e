package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/actors/gateway/backend"
	"github.com/tetherws/tether/actors/gateway/metrics"
	"github.com/tetherws/tether/actors/gateway/page"
)

// parts are what is behind the listeners.
type parts struct {
	manager *actors.Manager
	gateway *gateway.Gateway
	backend *backend.HTTP // nil without --backend
	page    *page.Page
	control http.Handler
}

// compose makes the parts. After an error they are to be ended all the same.
func compose(cfg Config, c *credentials, log *slog.Logger) (*parts, error) {
	p := new(parts)
	handler, err := p.inbound(cfg, log)
	if err != nil {
		return p, err
	}
	feed := new(gateway.Feed)
	if p.manager, err = actors.New(cfg.manager(handler, feed, log)); err != nil {
		return p, err
	}
	fleet := gateway.Local(p.manager)
	if p.gateway, err = gateway.New(fleet, cfg.gateway(c, feed, log)); err != nil {
		return p, err
	}
	p.page = page.New(fleet, p.gateway.Counts, feed)
	p.control = operators(p.gateway, p.page, metrics.New(metrics.Sources{Stats: fleet.Stats, Counts: p.gateway.Counts, Feed: feed}))
	return p, nil
}

// end ends the parts that there are, while ctx lasts. It returns what was left.
func (p *parts) end(ctx context.Context) error {
	var errs []error
	if p.manager != nil {
		errs = append(errs, p.manager.Shutdown(ctx))
	}
	if p.backend != nil { // which is told of every end
		if err := p.backend.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("the backend was not told of all: %w", err))
		}
	}
	if p.page != nil {
		p.page.Close()
		p.gateway.Close()
	}
	return errors.Join(errs...)
}

// inbound is what becomes of messages.
func (p *parts) inbound(cfg Config, log *slog.Logger) (actors.Handler, error) {
	switch {
	case cfg.Backend != "":
		var err error
		p.backend, err = backend.New(backend.Config{URL: cfg.Backend, Logger: log})
		return p.backend, err
	case cfg.Echo:
		return backend.Echo{}, nil
	}
	return backend.Discard{}, nil
}

func (c Config) manager(handler actors.Handler, feed *gateway.Feed, log *slog.Logger) actors.Config {
	return actors.Config{
		Handler:           handler,
		Heartbeat:         c.heartbeat(),
		Outbox:            actors.Outbox{Messages: c.QueueMessages, Bytes: int(c.QueueBytes)},
		ReadLimitAccepted: int64(c.MaxMessage),
		HandshakeTimeout:  c.HandshakeTimeout,
		OnEvent:           feed.Publish,
		Logger:            log,
	}
}

func (c Config) heartbeat() actors.Heartbeat {
	return actors.Heartbeat{Idle: c.HeartbeatIdle, Timeout: c.HeartbeatTimeout}
}

func (c Config) gateway(secrets *credentials, feed *gateway.Feed, log *slog.Logger) gateway.Config {
	g := gateway.Config{
		Feed:            feed,
		Logger:          log,
		Path:            c.Path,
		RequireOrigin:   c.RequireOrigin,
		MaxConnections:  c.MaxConnections,
		MaxPerIP:        c.MaxPerIP,
		RatePerIP:       c.RatePerIP,
		Heartbeat:       c.heartbeat(),
		Compress:        c.Compress,
		Resume:          c.resume(),
		NoSeedHeartbeat: !c.SeedHeartbeat,
		ControlToken:    string(secrets.token),
		ControlHosts:    c.controlHosts(),
		AllowPrivate:    c.AllowPrivate,
		MaxMessage:      int64(c.QueueBytes), // a longer one would fit no queue
	}
	for _, o := range c.AllowOrigin {
		g.AllowOrigins = append(g.AllowOrigins, string(o))
	}
	for _, p := range c.TrustedProxy {
		g.TrustedProxies = append(g.TrustedProxies, p.Prefix)
	}
	if secrets.jwt != nil {
		g.Authorize = secrets.jwt.Authorize
	}
	return g
}

// resume is the gateway's, where 0 is a default and negative is none.
func (c Config) resume() time.Duration {
	if c.Resume == 0 {
		return -1
	}
	return c.Resume
}

// controlHosts are the names by which operators may call; the gateway knows
// its addresses itself.
func (c Config) controlHosts() (names []string) {
	for _, h := range c.ControlHost {
		names = append(names, string(h))
	}
	host, _, _ := net.SplitHostPort(c.Control) // which was checked
	if _, err := netip.ParseAddr(host); err != nil && host != "" {
		names = append(names, host)
	}
	return names
}

// operators is the handler of the control listener. It leaves paths as they
// are, since the gateway refuses those that are not in their normal form.
func operators(g *gateway.Gateway, page, metrics http.Handler) http.Handler {
	document, live, control := g.GuardPage(page), g.Guard(page), g.Control()
	metrics, profiles := g.Guard(metrics), g.Guard(profiles())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/":
			document.ServeHTTP(w, r)
		case path == "/live":
			live.ServeHTTP(w, r)
		case path == "/metrics":
			metrics.ServeHTTP(w, r)
		case strings.HasPrefix(path, "/debug/pprof/"):
			profiles.ServeHTTP(w, r)
		default:
			control.ServeHTTP(w, r)
		}
	})
}

func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

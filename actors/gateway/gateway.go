package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"golang.org/x/time/rate"
)

// Config is what a [Gateway] may be told. The zero value works: zero is the
// default, negative an error unless it says otherwise.
type Config struct {
	// Feed carries the fleet's events: give its Publish to the manager as
	// OnEvent. Nil: /v1/events is answered with 501.
	Feed *Feed
	// Logger gets refusals at Debug and what an operator should know at Warn;
	// nil: silent.
	Logger *slog.Logger

	// Path is where clients connect; "" is /ws.
	Path string
	// Authorize is asked before each upgrade. Its error is answered with 401,
	// or as the *Refusal says that it is or wraps. The Client goes to Accept.
	// Grant.Expires, unless zero, is when the connection is ended with 4401.
	// The request holds a place under the caps meanwhile. Nil: everybody may
	// connect.
	Authorize func(*http.Request) (Grant, error)
	// AllowOrigins are origins beside the endpoint's own from which browsers
	// may connect, such as https://app.example; "*" is all, and "null" is
	// that of pages without one.
	AllowOrigins []string
	// RequireOrigin refuses requests without an Origin, which no browser makes.
	RequireOrigin bool
	// MaxConnections is how many clients may be connected; 0 is 10,000. More
	// are refused with 503.
	MaxConnections int
	// MaxPerIP is how many sockets one address (IPv6: one /64) may hold; 0 is
	// 256. More are refused with 429.
	MaxPerIP int
	// RatePerIP is how many handshakes one address may make per second, on
	// average, and four times as many at once; 0 is 50. More are refused with
	// 429.
	RatePerIP float64
	// TrustedProxies may name the client's address, in X-Forwarded-For: see
	// [ClientAddress].
	TrustedProxies []netip.Prefix
	// Heartbeat finds silent clients, in place of the manager's, unless the
	// Grant brings its own. The zero value is a ping after 25 s with 10 s for
	// the answer.
	Heartbeat actors.Heartbeat
	// Compress agrees to permessage-deflate where a client offers it.
	Compress bool
	// Resume is for how long the ID of a client that speaks tether.v1 waits
	// for its return; 0 is 30 s, negative: tether.v1 is not spoken.
	Resume time.Duration
	// NoSeedHeartbeat leaves {"heart":1} to the handler. Otherwise it is
	// answered at once, as the browser client does that Tether grew from
	// expects, unless the Heartbeat has a Reply of its own.
	NoSeedHeartbeat bool

	// ControlToken, if set, must be the bearer token of every request to the
	// control API, but for /healthz and /readyz.
	ControlToken string
	// ControlHosts are the names, beside localhost and loopback addresses, by which the control
	// API may be called: what a browser puts into Host.
	ControlHosts []string
	// AllowPrivate lets POST /v1/dial reach loopback, private and link-local
	// addresses.
	AllowPrivate bool
	// MaxMessage is the longest message that the control API takes; 0 is 1 MiB.
	MaxMessage int64
}

// Grant is what Authorize gives a client.
type Grant struct {
	// Client goes to the fleet's Accept. Where it leaves Heartbeat or Resume
	// at zero it gets the Config's, and a negative Resume is none. Its
	// Upgrader, if any, compresses also where the Config says so, and checks
	// the origin once more only if it has a CheckOrigin.
	Client actors.Client
	// Expires is when the connection is ended with 4401; zero: never.
	Expires time.Time
}

// Gateway is the face of a [Fleet]. Make one with [New]. It is an http.Handler
// for the public endpoint; [Gateway.Control] is for operators.
type Gateway struct {
	fleet  Fleet
	config Config
	log    *slog.Logger

	origins  origins
	arrivals arrivals
	sockets  sockets
	tally    tally
	upgrader *websocket.Upgrader // for clients that bring none
	warnFull rate.Sometimes

	ctx     context.Context // of the closes that expiry makes
	cancel  context.CancelFunc
	closing sync.WaitGroup // those closes
}

// New returns a Gateway. An error reports every bad field at once; each
// matches [messages.ErrInvalid].
func New(fleet Fleet, config Config) (*Gateway, error) {
	if err := config.validate(fleet); err != nil {
		return nil, err
	}
	c := config.withDefaults()
	g := &Gateway{
		fleet: fleet, config: c, log: c.Logger,
		origins:  newOrigins(c.AllowOrigins, c.RequireOrigin),
		arrivals: newArrivals(c.RatePerIP),
		sockets:  newSockets(c.MaxConnections, c.MaxPerIP),
		upgrader: &websocket.Upgrader{CheckOrigin: checked, EnableCompression: c.Compress},
		warnFull: rate.Sometimes{Interval: time.Minute},
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g, nil
}

// Close ends what the gateway itself runs: no client is accepted any more,
// nothing expires, and connections that are just being ended for their expiry
// are cut. It returns when that has stopped. Open connections stay: Drain
// ends them, or the manager's Shutdown.
func (g *Gateway) Close() {
	g.sockets.shut()
	g.cancel()
	g.closing.Wait()
}

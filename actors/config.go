package actors

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

// Config is what [New] takes. The zero value works: a zero field is its
// default, a negative one an error.
type Config struct {
	// Handler gets what the connections receive; nil: inbound messages are
	// read, counted and dropped.
	Handler Handler
	// Heartbeat finds silent connections.
	Heartbeat Heartbeat
	// Restart says whether and when a dropped connection is dialed again.
	Restart supervision.Policy
	// Governor bounds the dials of all connections together.
	Governor supervision.Limits
	// Outbox bounds what waits to be written, for each connection.
	Outbox Outbox
	// ReadLimitAccepted bounds an inbound message of an accepted connection,
	// in bytes after decompression; 0 is 64 KiB. A longer one closes with 1009.
	ReadLimitAccepted int64
	// ReadLimitDialed is the same for dialed connections; 0 is 1 MiB.
	ReadLimitDialed int64
	// HandshakeTimeout bounds an attempt to open a connection, from the
	// governor's leave to Ready, and the end of a closing one; 0 is 10 s.
	HandshakeTimeout time.Duration
	// WriteTimeout bounds each write to a socket; 0 is 10 s.
	WriteTimeout time.Duration
	// HandlerTimeout bounds each call of a Handler; 0 is 1 min. A longer one
	// fails the connection with [messages.ErrHandlerStalled].
	HandlerTimeout time.Duration
	// Upgrader accepts connections; nil takes those of the same origin and
	// does not compress. It is copied.
	Upgrader *websocket.Upgrader
	// OnEvent is told every transition and outcome, in order for each
	// connection; nil for none. It must not block.
	OnEvent func(messages.Event)
	// Logger gets the log; nil is silent.
	Logger *slog.Logger
	// Random returns what the jitter of the connection's backoff, its first
	// beat and its part in a [Drill] are drawn from: evenly spread in [0, 1).
	// With a seeded source for each connection a run can be replayed, since
	// nothing else is drawn but IDs that nobody chose, masking keys and tokens. What
	// lies outside [0, 1) counts as the nearest inside; nil is math/rand/v2.
	//
	// It is called under the connection's lock, for one connection at a time
	// and for several at once. It must not block, nor call the Manager.
	Random func(messages.ID) float64
	// MaxDetached is how many accepted connections may wait for their client's
	// return at once: see Client.Resume. One more is Closed instead. 0 is
	// 10,000.
	MaxDetached int
	// Drills lets [Manager.Drill] put faults on live connections. For that
	// each socket is wrapped, twice over TLS, which costs some 600 bytes and,
	// for each write of a batch, 200 ns.
	Drills bool
}

// Outbox bounds what a connection keeps for its peer, unconfirmed messages
// included.
type Outbox struct {
	Messages int           // 0 is 256
	Bytes    int           // of payload; 0 is 1 MiB
	TTL      time.Duration // for messages without one of their own; 0 is none
}

// Target is a connection for [Manager.Dial] to open and to keep open.
type Target struct {
	// ID names the connection; the zero ID is a new one.
	ID messages.ID
	// URL is where to dial: ws or wss, without user information.
	URL string
	// Request is asked at each attempt for the address and the headers of the
	// handshake, so that tokens are fresh; nil, or an empty address, is URL.
	// Its ctx ends with the attempt. An error that is [messages.Permanent]
	// parks the connection, any other is retried.
	Request func(ctx context.Context, a messages.Attempt) (url string, h http.Header, err error)
	// Hello returns what is written first at every opening: a login,
	// subscriptions. These messages are AtMostOnce and outside bounds and
	// counts. Errors are as Request's.
	Hello func(ctx context.Context, c Conn) ([]messages.Message, error)
	// Ready is shown each message that arrives after Hello until it says
	// true, within HandshakeTimeout; until then the connection is Connecting
	// and data waits. What it is shown does not reach the handler. Nil: ready
	// at once. Errors are as Request's.
	Ready func(messages.Message) (bool, error)
	// Handler gets what the connection receives; nil is the Config's. One
	// value per connection is how to keep its state.
	Handler Handler
	// Dialer dials; nil: TLS 1.2 or later, the environment's proxy, no
	// compression. It is copied.
	Dialer *websocket.Dialer
	// Heartbeat finds the silent connection; nil is the Config's.
	Heartbeat *Heartbeat
	// Restart is the policy; nil is the Config's.
	Restart *supervision.Policy
	// Resume speaks tether.v1, so that the server knows the connection again
	// after a drop, and neither side loses or repeats a message. A server that
	// does not speak it is refused as one that agrees to no subprotocol, and a
	// newer socket that takes the connection over is its end.
	//
	// Every message is then AtLeastOnce, the Heartbeat's Beat and Reply are not
	// used, and what came behind a message that the handler failed at is still
	// handled. Ready, and a Dialer with Subprotocols, can't be had with it.
	// [Conn.Resumed] says at each opening whether the server remembers.
	Resume bool
	// Pool is the governor's key; "" is the URL's host and port.
	Pool string
	// Labels are the embedder's own; they are copied.
	Labels map[string]string
}

// Client is what [Manager.Accept] knows of a connection before its upgrade.
// The zero value works.
type Client struct {
	ID           messages.ID // zero: a new one
	Handler      Handler     // nil: the Config's
	Heartbeat    *Heartbeat  // nil: the Config's
	Labels       map[string]string
	Subprotocols []string    // in order of preference; nil: the Upgrader's
	Header       http.Header // of the answer to the handshake
	// Upgrader makes the handshake; nil is the Config's. It is copied.
	Upgrader *websocket.Upgrader
	// Resume, if positive, lets a client that speaks tether.v1 come back
	// under its ID: for this long after its socket died the connection is
	// Detached, and keeps its outbox and groups. Every message to it is then
	// AtLeastOnce, and the Heartbeat's Beat and Reply are not used, since data
	// frames are counted. Others are Closed, as are all with 0.
	Resume time.Duration
	// Owner is whose connection it is, such as the subject of its token: a
	// client returns to its own connections alone, also where it is "".
	Owner string
	// Gone, if not nil, is called once when the accepted socket is closed,
	// whatever becomes of the connection; never if Accept returns an error. It
	// may come before Accept has returned, and must not block.
	Gone func()
}

func (c Client) validate() error {
	return errors.Join(checkHeartbeat(c.Heartbeat), notNegative("Resume", c.Resume))
}

const (
	defaultMessages    = 256
	defaultDetached    = 10_000
	defaultBytes       = 1 << 20
	defaultAccepted    = 64 << 10
	defaultDialed      = 1 << 20
	defaultHandshake   = 10 * time.Second
	defaultWrite       = 10 * time.Second
	defaultHandlerTime = time.Minute
)

func (c Config) validate() error {
	return errors.Join(
		c.Heartbeat.validate("Heartbeat"),
		c.Restart.Validate(),
		c.Governor.Validate(),
		notNegative("Outbox.Messages", c.Outbox.Messages),
		notNegative("Outbox.Bytes", c.Outbox.Bytes),
		notNegative("Outbox.TTL", c.Outbox.TTL),
		notNegative("MaxDetached", c.MaxDetached),
		notNegative("ReadLimitAccepted", c.ReadLimitAccepted),
		notNegative("ReadLimitDialed", c.ReadLimitDialed),
		notNegative("HandshakeTimeout", c.HandshakeTimeout),
		notNegative("WriteTimeout", c.WriteTimeout),
		notNegative("HandlerTimeout", c.HandlerTimeout),
	)
}

func (c Config) withDefaults() Config {
	c.Heartbeat = c.Heartbeat.withDefaults()
	c.Restart = c.Restart.WithDefaults()
	c.Outbox.Messages = orDefault(c.Outbox.Messages, defaultMessages)
	c.Outbox.Bytes = orDefault(c.Outbox.Bytes, defaultBytes)
	c.MaxDetached = orDefault(c.MaxDetached, defaultDetached)
	c.ReadLimitAccepted = orDefault(c.ReadLimitAccepted, defaultAccepted)
	c.ReadLimitDialed = orDefault(c.ReadLimitDialed, defaultDialed)
	c.HandshakeTimeout = orDefault(c.HandshakeTimeout, defaultHandshake)
	c.WriteTimeout = orDefault(c.WriteTimeout, defaultWrite)
	c.HandlerTimeout = orDefault(c.HandlerTimeout, defaultHandlerTime)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (t Target) validate() error {
	errs := []error{checkHeartbeat(t.Heartbeat)}
	if t.URL != "" || t.Request == nil {
		_, err := parseURL(t.URL)
		errs = append(errs, err)
	}
	if t.Restart != nil {
		errs = append(errs, t.Restart.Validate())
	}
	if t.Resume && t.Ready != nil {
		errs = append(errs, invalid("Ready with Resume: it would be shown what the handler has missed"))
	}
	if t.Resume && t.Dialer != nil && len(t.Dialer.Subprotocols) > 0 {
		errs = append(errs, invalid("Dialer.Subprotocols with Resume: nothing else is offered"))
	}
	return errors.Join(errs...)
}

// pool is the governor's key. A target whose address only Request knows is a
// pool of its own.
func (t Target) pool(id messages.ID) string {
	if t.Pool != "" {
		return t.Pool
	}
	u, err := parseURL(t.URL)
	switch {
	case err != nil:
		return id.String()
	case u.Port() != "":
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), defaultPorts[u.Scheme])
}

var defaultPorts = map[string]string{"ws": "80", "wss": "443"}

func checkHeartbeat(h *Heartbeat) error {
	if h == nil {
		return nil
	}
	return h.validate("Heartbeat")
}

// parseURL checks a WebSocket URL. Its errors do not repeat it: the query may
// hold a token, and errors are logged.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if bad := new(url.Error); errors.As(err, &bad) {
		return nil, invalid("URL: %w", bad.Err)
	}
	switch {
	case err != nil:
		return nil, invalid("URL: %w", err)
	case u.Scheme != "ws" && u.Scheme != "wss":
		return nil, invalid("URL with scheme %q, must be ws or wss", u.Scheme)
	case u.Hostname() == "":
		return nil, invalid("URL has no host")
	case u.User != nil:
		return nil, invalid("URL of host %q: user information is not allowed, send a header", u.Host)
	}
	return u, nil
}

// settings is what a connection's owner may choose for it, with the Config's
// value where nothing was chosen. Connections without choices share one.
type settings struct {
	handler   Handler
	heartbeat Heartbeat
	restart   supervision.Policy
	readLimit int64
	labels    map[string]string
}

func (s settings) with(h Handler, beat *Heartbeat, restart *supervision.Policy, labels map[string]string) *settings {
	if h != nil {
		s.handler = h
	}
	if beat != nil {
		s.heartbeat = beat.withDefaults()
	}
	if restart != nil {
		s.restart = restart.WithDefaults()
	}
	s.labels = maps.Clone(labels)
	return &s
}

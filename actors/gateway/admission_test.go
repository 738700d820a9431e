package gateway_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// admissionWorld is a gateway over a manager of its own, on an in-memory network
// in virtual time. Each socket there comes from an address of its own in
// 10.0.0.0/8, whose X-Forwarded-For is believed.
type admissionWorld struct {
	t      *testing.T
	net    *drops.Network
	m      *actors.Manager
	g      *gateway.Gateway
	server *http.Server
}

var admissionProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}

// admissionQuiet leaves clients alone that answer nothing.
var admissionQuiet = actors.Heartbeat{Off: true}

func admissionBubble(t *testing.T, config gateway.Config, f func(*testing.T, *admissionWorld)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &admissionWorld{t: t, net: drops.NewNetwork()}
		var err error
		if w.m, err = actors.New(actors.Config{}); err != nil {
			t.Fatal(err)
		}
		config.TrustedProxies = admissionProxies
		w.g = admissionGateway(t, gateway.Local(w.m), config)
		l, err := w.net.Listen("gate:80")
		if err != nil {
			t.Fatal(err)
		}
		w.server = &http.Server{Handler: w.g, ReadHeaderTimeout: time.Minute}
		go w.server.Serve(l)
		defer w.close()
		f(t, w)
	})
}

func admissionGateway(t *testing.T, fleet gateway.Fleet, config gateway.Config) *gateway.Gateway {
	t.Helper()
	g, err := gateway.New(fleet, config)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (w *admissionWorld) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = w.m.Shutdown(ctx)
	w.g.Close()
	w.server.Close()
	for _, c := range w.net.Conns() {
		c.Close()
		c.Other().Close()
	}
}

// answer is the gateway's to a handshake.
type answer struct {
	status int
	header http.Header
	closes bool // its connection
}

// knock makes a handshake with the header's pairs; the socket is nil if it was
// refused.
func (w *admissionWorld) knock(header ...string) (*websocket.Conn, answer) {
	w.t.Helper()
	h := make(http.Header)
	for i := 0; i < len(header); i += 2 {
		h.Add(header[i], header[i+1])
	}
	d := websocket.Dialer{NetDialContext: w.net.DialContext, EnableCompression: true}
	ws, resp, err := d.DialContext(w.t.Context(), "ws://gate/ws", h)
	if resp == nil {
		w.t.Fatal(err)
	}
	return ws, answer{resp.StatusCode, resp.Header, resp.Close}
}

// connect is a knock that must succeed. Who reads from the socket in vain sees
// its deadline after two hours.
func (w *admissionWorld) connect(header ...string) *websocket.Conn {
	w.t.Helper()
	ws, resp := w.knock(header...)
	if ws == nil {
		w.t.Fatalf("refused with %d", resp.status)
	}
	ws.SetReadDeadline(time.Now().Add(2 * time.Hour))
	return ws
}

// refused asserts how a handshake is refused, and for what reason it is counted.
func (w *admissionWorld) refused(status int, reason string, header ...string) answer {
	w.t.Helper()
	before := w.g.Counts().Refused[reason]
	ws, resp := w.knock(header...)
	if ws != nil || resp.status != status {
		w.t.Fatalf("answered with %d, want %d", resp.status, status)
	}
	if n := w.g.Counts().Refused[reason] - before; n != 1 {
		w.t.Errorf("counted %d as %s, want 1", n, reason)
	}
	return resp
}

// told is how the peer ended ws, and when. It reads the socket to its end.
type told struct {
	code   int
	reason string
	after  time.Duration
}

func admissionEnd(ws *websocket.Conn) told {
	start := time.Now()
	for {
		if _, _, err := ws.ReadMessage(); err != nil {
			t := told{code: websocket.CloseAbnormalClosure, after: time.Since(start)}
			if e := new(websocket.CloseError); errors.As(err, &e) {
				t.code, t.reason = e.Code, e.Text
			}
			_ = ws.Close()
			return t
		}
	}
}

// admissionFleet is a Fleet that only accepts, without a socket, and closes.
type admissionFleet struct {
	gateway.Fleet
	accept func(actors.Client) error // nil: everybody

	mu      sync.Mutex
	clients []actors.Client
	ids     []messages.ID
	closed  []messages.ID
}

func (f *admissionFleet) Accept(w http.ResponseWriter, _ *http.Request, c actors.Client) (messages.ID, error) {
	if f.accept != nil {
		if err := f.accept(c); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return messages.ID{}, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clients, f.ids = append(f.clients, c), append(f.ids, messages.NewID())
	w.WriteHeader(http.StatusSwitchingProtocols)
	return f.ids[len(f.ids)-1], nil
}

func (f *admissionFleet) Close(_ context.Context, id messages.ID, _ int, _ string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = append(f.closed, id)
	return nil
}

func (f *admissionFleet) last() actors.Client {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.clients[len(f.clients)-1]
}

func (f *admissionFleet) closes() []messages.ID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.closed)
}

// admissionRequest is a valid handshake from the peer, with the header's pairs.
func admissionRequest(peer string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/ws", nil)
	r.Host, r.RemoteAddr = "gate.example", peer
	for k, v := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": base64.StdEncoding.EncodeToString(make([]byte, 16)),
	} {
		r.Header.Set(k, v)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// admissionAnswer is what g answers to r.
func admissionAnswer(g http.Handler, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	g.ServeHTTP(rec, r)
	return rec
}

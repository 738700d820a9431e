package drops

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"
)

// handshake answers one request. What is refused here is told to the client;
// an upgrade takes the connection from the server.
func (p *Proxy) handshake(w http.ResponseWriter, r *http.Request) {
	p.working.Add(1)
	defer p.working.Done()
	if !isHandshake(r) {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		http.Error(w, "only WebSocket handshakes pass here", http.StatusUpgradeRequired)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), proxyHandshakeTimeout)
	defer cancel()
	switch what := p.hurdle().(type) {
	case Refusal:
		what.ServeHTTP(w, r)
	case DialFault:
		p.fail(w, what.Fail(ctx, "tcp", p.addr()))
	default:
		p.forward(ctx, w, r)
	}
}

func isHandshake(r *http.Request) bool {
	return r.Method == http.MethodGet && r.ProtoAtLeast(1, 1) && r.ContentLength == 0 && websocket.IsWebSocketUpgrade(r)
}

// forward asks the upstream, and passes on what it says.
func (p *Proxy) forward(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	server, err := p.dial(ctx)
	if err != nil {
		p.fail(w, err)
		return
	}
	release := context.AfterFunc(ctx, func() { _ = server.conn.Close() })
	joined := false
	defer func() {
		if !joined {
			release()
			_ = server.conn.Close()
		}
	}()
	a, err := askUpstream(server.stream, p.request(r))
	switch {
	case err != nil:
		p.fail(w, cmp.Or(ctx.Err(), err))
	case a.StatusCode != http.StatusSwitchingProtocols:
		p.decline(w, a.Response)
	case !release():
		p.fail(w, ctx.Err())
	default:
		joined = p.join(w, server, a)
	}
}

func (p *Proxy) fail(w http.ResponseWriter, err error) {
	p.count(func(c *ProxyCounts) { c.Failed++ })
	http.Error(w, "upstream: "+err.Error(), http.StatusBadGateway)
}

// decline passes on an answer that is no upgrade.
func (p *Proxy) decline(w http.ResponseWriter, a *http.Response) {
	p.count(func(c *ProxyCounts) { c.Declined++ })
	h := w.Header()
	h["Date"], h["Content-Type"] = nil, nil // not to be made up
	maps.Copy(h, a.Header)
	w.WriteHeader(a.StatusCode)
	if _, err := io.Copy(w, a.Body); err != nil {
		panic(http.ErrAbortHandler) // so that the client sees a body that was cut, too
	}
}

// dial connects to the upstream.
func (p *Proxy) dial(ctx context.Context) (*leg, error) {
	dial := p.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	inner, err := dial(ctx, "tcp", p.addr())
	if err != nil {
		return nil, err
	}
	conn := Wrap(inner)
	if p.upstream.Scheme == "ws" {
		return &leg{conn: conn, stream: conn}, nil
	}
	secure := tls.Client(conn, p.tlsConfig())
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &leg{conn: conn, stream: secure}, nil
}

func (p *Proxy) tlsConfig() *tls.Config {
	c := p.TLS.Clone()
	if c == nil {
		c = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if c.ServerName == "" {
		c.ServerName = p.upstream.Hostname()
	}
	return c
}

func (p *Proxy) addr() string {
	port := p.upstream.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[p.upstream.Scheme]
	}
	return net.JoinHostPort(p.upstream.Hostname(), port)
}

// request is the client's request, as the upstream is to get it.
func (p *Proxy) request(r *http.Request) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n", p.target(r), p.upstream.Host)
	_ = r.Header.Write(&b) // which a Buffer takes
	b.WriteString("\r\n")
	return b.Bytes()
}

// target joins the upstream's path and query with those of the request.
func (p *Proxy) target(r *http.Request) string {
	path := p.upstream.EscapedPath()
	if asked := r.URL.EscapedPath(); path == "" || asked != "/" {
		path = strings.TrimSuffix(path, "/") + asked
	}
	query := p.upstream.RawQuery
	if query != "" && r.URL.RawQuery != "" {
		query += "&"
	}
	if query += r.URL.RawQuery; query != "" {
		query = "?" + query
	}
	return path + query
}

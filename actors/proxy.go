package actors

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
	"golang.org/x/net/proxy"
)

// dialFunc is a net.Dialer's DialContext, or does what it does.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// DialContext implements proxy.ContextDialer.
func (f dialFunc) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return f(ctx, network, addr)
}

// Dial implements proxy.Dialer.
func (f dialFunc) Dial(network, addr string) (net.Conn, error) {
	return f(context.Background(), network, addr)
}

// tap has d's sockets pass through a wire, above any proxy and any TLS: so
// both are done here, by what d says of them.
func (a *attempt) tap(d *websocket.Dialer, target string) error {
	through, err := proxyOf(d, target)
	if err != nil {
		return err
	}
	plain, secure := dialFunc(d.NetDialContext), dialFunc(d.NetDialTLSContext)
	if old := d.NetDial; plain == nil && old != nil {
		plain = func(_ context.Context, network, addr string) (net.Conn, error) { return old(network, addr) }
	}
	if plain == nil {
		plain = (&net.Dialer{}).DialContext
	}
	routed := a.through(through, plain)
	if secure == nil || through != nil {
		secure = a.secured(routed, d.TLSClientConfig)
	}
	d.Proxy, d.NetDial = nil, nil
	d.NetDialContext, d.NetDialTLSContext = a.wired(routed), a.wired(secure)
	return nil
}

// proxyOf asks d's Proxy about the target; nil is none. As with gorilla it is
// shown the URL with a scheme of HTTP's.
func proxyOf(d *websocket.Dialer, target string) (*url.URL, error) {
	if d.Proxy == nil {
		return nil, nil
	}
	u, err := parseURL(target)
	if err != nil {
		return nil, err
	}
	u.Scheme = map[string]string{"ws": "http", "wss": "https"}[u.Scheme]
	p, err := d.Proxy(&http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{}})
	if err != nil {
		return nil, invalid("the proxy's address is not valid") // which may hold a password
	}
	return p, nil
}

// through dials by way of the proxy.
func (a *attempt) through(p *url.URL, dial dialFunc) dialFunc {
	if p == nil {
		return dial
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if p.Scheme == "http" {
			return a.connect(ctx, p, dial, addr)
		}
		d, err := proxy.FromURL(p, dial)
		if err != nil {
			return nil, fmt.Errorf("%w: proxy: %w", messages.ErrInvalid, err)
		}
		return d.(proxy.ContextDialer).DialContext(ctx, network, addr)
	}
}

// connect asks an HTTP proxy for a tunnel (RFC 9110, section 9.3.6).
func (a *attempt) connect(ctx context.Context, p *url.URL, dial dialFunc, addr string) (net.Conn, error) {
	host := p.Host
	if p.Port() == "" {
		host = net.JoinHostPort(p.Hostname(), "80")
	}
	conn, err := dial(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	if err := a.making(conn); err != nil {
		return nil, err
	}
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{}}
	if u := p.User; u != nil {
		basic := http.Request{Header: http.Header{}}
		password, _ := u.Password()
		basic.SetBasicAuth(u.Username(), password)
		req.Header.Set("Proxy-Authorization", basic.Header.Get("Authorization"))
	}
	if err := tunnel(conn, req); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("proxy %s: %w", p.Host, err)
	}
	return conn, nil
}

func tunnel(conn net.Conn, req *http.Request) error {
	if err := req.Write(conn); err != nil {
		return err
	}
	// The server behind it does not speak first, so the buffer takes nothing away.
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", resp.Status)
	}
	return nil
}

// secured shakes TLS hands on what dial returns.
func (a *attempt) secured(dial dialFunc, config *tls.Config) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if err := a.making(conn); err != nil {
			return nil, err
		}
		config = config.Clone()
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(addr)
		}
		secure := tls.Client(a.record.m.drillable(conn), config)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return secure, nil
	}
}

// wired wraps what dial returns.
func (a *attempt) wired(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		a.wire = &wire{Conn: a.record.m.drillable(conn), now: a.record.m.now, shaking: true}
		return a.wire, a.making(a.wire)
	}
}

// making notes what to close if the attempt is given up, or closes it if it
// has been.
func (a *attempt) making(socket interface{ Close() error }) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		_ = socket.Close()
		return context.Canceled
	}
	a.socket = socket
	return nil
}

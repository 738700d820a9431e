package gateway

import (
	"net/http"
	"net/netip"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
)

// ServeHTTP implements http.Handler: it accepts clients at the Config's Path
// and answers 404 elsewhere. What is refused is answered with a status, a line
// of plain text, and, with 429 and 503, a Retry-After; it is never upgraded.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from := household(ClientAddress(r, g.config.TrustedProxies))
	d := g.screen(r, from)
	if d == nil {
		d = g.admit(w, r, from)
	}
	if d != nil {
		g.refuse(w, r, d)
	}
}

// screen refuses what can be refused at no cost.
func (g *Gateway) screen(r *http.Request, from netip.Addr) *denial {
	switch {
	case r.URL.Path != g.config.Path:
		return wrongPath
	case r.Method != http.MethodGet:
		return wrongMethod
	case !r.ProtoAtLeast(1, 1) || !websocket.IsWebSocketUpgrade(r):
		return noUpgrade
	case r.Header.Get("Sec-Websocket-Version") != "13":
		return wrongVersion
	}
	if wait := g.arrivals.wait(from); wait > 0 {
		return tooSoon(addressRate, http.StatusTooManyRequests, "too many handshakes from this address", wait)
	}
	if !g.origins.allow(r) {
		return foreignOrigin
	}
	return nil
}

// admit authorizes the request and hands it to the fleet. The place under the
// caps is taken first, so that they bound what Authorize is asked, too.
func (g *Gateway) admit(w http.ResponseWriter, r *http.Request, from netip.Addr) *denial {
	c, d := g.sockets.take(from)
	if d != nil {
		return d
	}
	defer g.sockets.land(c)
	grant, err := g.authorize(r)
	if err != nil {
		return unwelcome(err)
	}
	id, err := g.fleet.Accept(w, r, g.client(grant.Client, c))
	if err != nil {
		return failed(err)
	}
	g.tally.accepted.Add(1)
	g.open(c, id, grant.Expires)
	return nil
}

func (g *Gateway) authorize(r *http.Request) (Grant, error) {
	if g.config.Authorize == nil {
		return Grant{}, nil
	}
	return g.config.Authorize(r)
}

// client adds to what was granted what the gateway does itself.
func (g *Gateway) client(granted actors.Client, c *socket) actors.Client {
	out := granted
	out.Upgrader = g.upgrades(granted.Upgrader)
	beat := g.config.Heartbeat
	if granted.Heartbeat != nil {
		beat = g.config.withSeed(*granted.Heartbeat)
	}
	out.Heartbeat = &beat
	if granted.Resume == 0 {
		out.Resume = g.config.Resume
	}
	out.Resume = max(out.Resume, 0)
	out.Gone = func() {
		g.sockets.free(c)
		if granted.Gone != nil {
			granted.Gone()
		}
	}
	return out
}

// upgrades returns how the handshake is made: as granted, if anything was.
func (g *Gateway) upgrades(granted *websocket.Upgrader) *websocket.Upgrader {
	if granted == nil {
		return g.upgrader
	}
	up := *granted
	up.EnableCompression = up.EnableCompression || g.config.Compress
	if up.CheckOrigin == nil {
		up.CheckOrigin = checked
	}
	return &up
}

// checked is the CheckOrigin of requests whose origin has been checked.
func checked(*http.Request) bool { return true }

package gateway_test

import (
	"context"
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors/gateway"
)

func TestAHostThatIsNotTheControlsOwnIsForbidden(t *testing.T) {
	config := gateway.Config{ControlHosts: []string{"Tether.Example", "with-port.example:8081"}}
	ask := controlOver(t, controlListing{}, config)
	for host, allowed := range map[string]bool{
		"localhost": true, "localhost:8081": true, "LOCALHOST:1": true,
		"127.0.0.1": true, "127.0.0.1:9": true, "127.9.9.9:9": true, "[::1]:9": true, "[::1]": true, "[::ffff:127.0.0.1]:80": true,
		"tether.example": true, "TETHER.example:443": true, "with-port.example": true, "with-port.example:1": true,
		"": false, ":8081": false, "evil.example": false, "evil.example:8081": false, "localhost.evil.example": false,
		"evil-localhost": false, "127.0.0.1.evil.example": false, "0.0.0.0:8081": false, "192.0.2.1": false, "[::]:1": false,
		"sub.tether.example": false, "tether.example.": false, "127.1": false, "2130706433": false, "localhost:1:2": false,
	} {
		r := controlRequest("GET", "/v1/stats", "")
		r.Host = host
		if a := ask(r); allowed {
			a.refuses(500, "internal", "") // the fleet has no stats
		} else {
			a.refuses(403, "forbidden_host", "")
		}
	}
}

// On an address of the network a page cannot have that address for its own name.
func TestTheAddressThatTheConnectionCameInByIsTheControlsOwn(t *testing.T) {
	ask := controlOver(t, controlListing{}, gateway.Config{})
	for host, code := range map[string]int{"192.0.2.7:8081": 500, "192.0.2.8:8081": 403, "[2001:db8::7]:8081": 403} {
		r := controlRequest("GET", "/v1/stats", "", "Host: "+host)
		local := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 8081}
		if a := ask(r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))); a.status != code {
			t.Errorf("%s: %d", host, a.status)
		}
	}
}

func TestAForeignOriginIsForbidden(t *testing.T) {
	ask := controlOver(t, controlListing{}, gateway.Config{ControlHosts: []string{"tether.example"}})
	for _, c := range []struct {
		host, origin, site string
		allowed            bool
	}{
		{"localhost:8081", "", "", true},
		{"localhost:8081", "http://localhost:8081", "same-origin", true},
		{"localhost:8081", "https://LOCALHOST:8081", "", true},
		{"localhost:8081", "", "none", true},
		{"localhost:8081", "http://localhost:3000", "", false},
		{"localhost:8081", "http://127.0.0.1:8081", "", false},
		{"localhost:8081", "http://localhost", "", false},
		{"localhost:8081", "http://evil.example", "", false},
		{"localhost:8081", "null", "", false},
		{"localhost:8081", "localhost:8081", "", false},
		{"localhost:8081", "http://evil.example@localhost:8081", "cross-site", false},
		{"localhost:8081", "://", "", false},
		{"localhost:8081", "", "cross-site", false},
		{"localhost:8081", "", "same-site", false},
		{"localhost:8081", "http://localhost:8081", "cross-site", false},
		{"tether.example", "https://tether.example", "same-origin", true},
		{"tether.example", "https://other.example", "", false},
	} {
		r := controlRequest("GET", "/v1/stats", "", "Host: "+c.host)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		if a := ask(r); c.allowed {
			a.refuses(500, "internal", "")
		} else {
			a.refuses(403, "forbidden_origin", "")
		}
	}
	r := controlRequest("GET", "/v1/stats", "", "Origin: http://localhost:8081", "Origin: http://evil.example")
	ask(r).refuses(403, "forbidden_origin", "")
	r = controlRequest("GET", "/v1/stats", "", "Origin: ")
	ask(r).refuses(403, "forbidden_origin", "")
}

func TestWithoutTheTokenNothingIsDone(t *testing.T) {
	ask := controlOver(t, controlListing{}, gateway.Config{ControlToken: "s3cret"})
	for header, allowed := range map[string]bool{
		"Authorization: Bearer s3cret":               true,
		"Authorization: bearer s3cret":               true,
		"Authorization: BEARER   s3cret":             true,
		"Authorization: Bearer s3cre":                false,
		"Authorization: Bearer s3crett":              false,
		"Authorization: Bearer S3CRET":               false,
		"Authorization: Bearer ":                     false,
		"Authorization: Bearer":                      false,
		"Authorization: Basic s3cret":                false,
		"Authorization: s3cret":                      false,
		"Authorization: ":                            false,
		"X-Authorization: Bearer s3cret":             false,
		"Sec-WebSocket-Protocol: bearer.s3cret":      false, // of no WebSocket
		"Authorization: Bearer s3cret, Bearer other": false,
	} {
		a := ask(controlRequest("GET", "/v1/stats", "", header))
		if allowed {
			a.refuses(500, "internal", "")
		} else if a.refuses(401, "unauthorized", ""); a.header.Get("WWW-Authenticate") != `Bearer realm="tether"` {
			t.Errorf("WWW-Authenticate is %q", a.header.Get("WWW-Authenticate"))
		}
	}
	ask(controlRequest("GET", "/v1/stats", "", "Authorization: Bearer s3cret", "Authorization: Bearer other")).refuses(401, "unauthorized", "")
	// What is not there is not told either.
	ask(controlRequest("GET", "/v1/nothing", "")).refuses(401, "unauthorized", "")
	ask(controlRequest("GET", "/v1//stats", "")).refuses(401, "unauthorized", "")
	ask(controlRequest("PATCH", "/v1/stats", "")).refuses(401, "unauthorized", "")
	ask(controlRequest("GET", "/v1/stats", "", "Host: evil.example", "Authorization: Bearer s3cret")).refuses(403, "forbidden_host", "")
}

func TestHealthNeedsNoTokenAndNoHost(t *testing.T) {
	w := newControlReal(t, gateway.Config{ControlToken: "s3cret"})
	for _, path := range []string{"/healthz", "/readyz"} {
		w.do("GET", path, "").is(200).text(`{"status":"ok"}`)
		w.do("HEAD", path, "").is(200)
		w.do("GET", path, "", "Host: 10.1.2.3:8081").is(200)
		w.do("GET", path, "", "Origin: http://evil.example").is(200)
		w.do("POST", path, "", "Authorization: Bearer s3cret").refuses(405, "method_not_allowed", "")
	}
	w.g.Drain(t.Context(), 1012, 0)
	w.do("GET", "/healthz", "").is(200)
	w.do("GET", "/readyz", "", "Host: 10.1.2.3:8081").refuses(503, "draining", "")
}

// controlSite serves a WebSocket and a page behind the guards, as `tether serve` does.
func controlSite(t *testing.T, config gateway.Config) *httptest.Server {
	t.Helper()
	g, err := gateway.New(controlListing{}, config)
	if err != nil {
		t.Fatal(err)
	}
	up := websocket.Upgrader{Subprotocols: []string{"page"}, CheckOrigin: func(*http.Request) bool { return true }}
	mux := http.NewServeMux()
	mux.Handle("/live", g.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ws, err := up.Upgrade(w, r, nil); err == nil {
			ws.Close()
		}
	})))
	mux.Handle("/", g.GuardPage(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestTheGuardHoldsForWebSockets(t *testing.T) {
	s := controlSite(t, gateway.Config{ControlToken: "s3cret/+"})
	addr := s.Listener.Addr().String()
	encoded := base64.RawURLEncoding.EncodeToString([]byte("s3cret/+"))
	for _, c := range []struct {
		origin, protocol, authorization, host string
		status                                int
	}{
		{"http://" + addr, "page, bearer." + encoded, "", "", 101},
		{"", "page, bearer." + encoded, "", "", 101},
		{"", "", "Bearer s3cret/+", "", 101},
		{"", "page, bearer." + encoded + "x", "", "", 401},
		{"", "page, bearer.", "", "", 401},
		{"", "page", "", "", 401},
		{"http://evil.example", "page, bearer." + encoded, "", "", 403},
		{"http://evil.example", "", "Bearer s3cret/+", "", 403},
		{"", "", "Bearer s3cret/+", "evil.example", 403},
	} {
		h := http.Header{}
		for name, value := range map[string]string{
			"Origin": c.origin, "Sec-Websocket-Protocol": c.protocol, "Authorization": c.authorization, "Host": c.host,
		} {
			if value != "" {
				h.Set(name, value)
			}
		}
		ws, resp, err := websocket.DefaultDialer.Dial("ws://"+addr+"/live", h)
		if resp == nil {
			t.Fatal(err)
		}
		if resp.StatusCode != c.status {
			t.Errorf("%+v is answered with %d", c, resp.StatusCode)
		}
		if ws != nil {
			if got := ws.Subprotocol(); c.protocol != "" && got != "page" {
				t.Errorf("the subprotocol is %q", got)
			}
			ws.Close()
		}
	}
}

func TestAPlainTokenGoesAsASubprotocolToo(t *testing.T) {
	s := controlSite(t, gateway.Config{ControlToken: "s3cret"})
	d := websocket.Dialer{Subprotocols: []string{"page", "bearer.s3cret"}}
	ws, _, err := d.Dial("ws://"+s.Listener.Addr().String()+"/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	ws.Close()
}

// The page is shown before the token is asked for, and by links from elsewhere,
// but not within a foreign page.
func TestThePageNeedsNoTokenButTheHost(t *testing.T) {
	s := controlSite(t, gateway.Config{ControlToken: "s3cret"})
	for _, c := range []struct {
		host, origin, site, mode, dest string
		status                         int
	}{
		{"", "", "", "", "", 200},
		{"", "", "none", "navigate", "document", 200},
		{"", "", "same-origin", "cors", "empty", 200},
		{"", "", "cross-site", "navigate", "document", 200},
		{"", "", "cross-site", "navigate", "iframe", 403},
		{"", "", "cross-site", "no-cors", "image", 403},
		{"", "", "cross-site", "", "", 403},
		{"", "http://evil.example", "cross-site", "navigate", "document", 403},
		{"evil.example", "", "none", "navigate", "document", 403},
	} {
		r, _ := http.NewRequest("GET", s.URL+"/", nil)
		r.Host = c.host
		for name, value := range map[string]string{
			"Origin": c.origin, "Sec-Fetch-Site": c.site, "Sec-Fetch-Mode": c.mode, "Sec-Fetch-Dest": c.dest,
		} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%+v is answered with %d", c, resp.StatusCode)
		}
	}
}

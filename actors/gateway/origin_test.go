package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tetherws/tether/actors/gateway"
)

func TestOriginsThatMayConnect(t *testing.T) {
	own, listed := gateway.Config{}, gateway.Config{AllowOrigins: []string{"https://App.example:443", "http://dev.example:3000", "capacitor://localhost"}}
	for _, test := range []struct {
		config gateway.Config
		origin []string
		want   bool
	}{
		{own, nil, true},
		{own, []string{"https://gate.example"}, true},
		{own, []string{"http://GATE.example"}, true},
		{own, []string{"https://gate.example:444"}, false},
		{own, []string{"https://other.example"}, false},
		{own, []string{"https://gate.example.evil.example"}, false},
		{own, []string{"https://evil.example/gate.example"}, false},
		{own, []string{"https://gate.example/"}, false},
		{own, []string{"https://gate.example@evil.example"}, false},
		{own, []string{"https://evil.example@gate.example"}, false},
		{own, []string{"https://gate.example", "https://gate.example"}, false},
		{own, []string{"gate.example"}, false},
		{own, []string{"//gate.example"}, false},
		{own, []string{"null"}, false},
		{own, []string{""}, false},
		{own, []string{"https://"}, false},
		{own, []string{"file://"}, false},
		{own, []string{"https://gate.example\x00"}, false},
		{listed, nil, true},
		{listed, []string{"https://gate.example"}, true},
		{listed, []string{"https://app.example"}, true},
		{listed, []string{"HTTPS://APP.EXAMPLE:443"}, true},
		{listed, []string{"http://app.example"}, false},
		{listed, []string{"https://app.example:444"}, false},
		{listed, []string{"https://app.example:443:443"}, false},
		{listed, []string{"https://x.app.example"}, false},
		{listed, []string{"http://dev.example:3000"}, true},
		{listed, []string{"http://dev.example"}, false},
		{listed, []string{"capacitor://localhost"}, true},
		{listed, []string{"null"}, false},
		{gateway.Config{AllowOrigins: []string{"null"}}, []string{"null"}, true},
		{gateway.Config{AllowOrigins: []string{"null"}}, []string{"NULL"}, false},
		{gateway.Config{AllowOrigins: []string{"*"}}, []string{"https://any.example"}, true},
		{gateway.Config{AllowOrigins: []string{"*"}}, []string{"null"}, true},
		{gateway.Config{AllowOrigins: []string{"*"}}, nil, true},
		{gateway.Config{AllowOrigins: []string{"*"}, RequireOrigin: true}, nil, false},
		{gateway.Config{RequireOrigin: true}, nil, false},
		{gateway.Config{RequireOrigin: true}, []string{"https://gate.example"}, true},
	} {
		g := admissionGateway(t, &admissionFleet{}, test.config)
		r := admissionRequest("192.0.2.1:1000")
		r.Header["Origin"] = test.origin
		if got := admissionAnswer(g, r).Code == http.StatusSwitchingProtocols; got != test.want {
			t.Errorf("origin %q of %q (%v): %v, want %v", test.origin, test.config.AllowOrigins, test.config.RequireOrigin, got, test.want)
		}
	}
}

// FuzzOrigin holds the endpoint to a reading of origins of its own: what comes
// in is the listed one, or that of the host, with any scheme.
func FuzzOrigin(f *testing.F) {
	for _, s := range []string{
		"https://app.example", "https://APP.example:443", "https://gate.example", "http://gate.example:80", "ws://gate.example",
		"null", "", "*", "https://[::1]:443", "https://app.example:443:443", "https://app.example:", "https://a@app.example", "https://app.example/.",
		"https://app.example\\@evil", "https://%61pp.example", "https://app.example#", "https://аpp.example", "a+b-c.d://gate.example",
	} {
		f.Add(s, "gate.example")
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, origin, host string) {
		g := admissionGateway(t, &admissionFleet{}, gateway.Config{AllowOrigins: []string{"https://app.example"}})
		r := admissionRequest("192.0.2.1:1000")
		r.Host, r.Header["Origin"] = host, []string{origin}
		if admissionAnswer(g, r).Code != http.StatusSwitchingProtocols {
			if origin == "https://app.example" {
				t.Errorf("the listed origin is refused")
			}
			return
		}
		scheme, of, ok := strings.Cut(strings.ToLower(origin), "://")
		listed := scheme == "https" && (of == "app.example" || of == "app.example:443")
		if !ok || strings.ContainsAny(of, "/?#@ \t\r\n%*\\") || !listed && of != strings.ToLower(host) {
			t.Errorf("%q may connect to %q", origin, host)
		}
		if _, err := gateway.New(&admissionFleet{}, gateway.Config{AllowOrigins: []string{origin}}); err != nil {
			t.Errorf("what may connect may not be listed: %v", err)
		}
	})
}

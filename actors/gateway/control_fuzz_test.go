package gateway_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

// FuzzDialBody takes any body: it is a problem that names a field, or a target
// that a handshake can be made of.
func FuzzDialBody(f *testing.F) {
	for _, s := range []string{
		"", "{}", "null", "[1]", `{"url":"ws://example.com"}`, `{"url":"ws://127.0.0.1"}`,
		`{"url":"wss://example.com:1/x?y","id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","pool":"p","labels":{"a":"b"},"headers":{"A":"b"},` +
			`"subprotocols":["a","b"],"hello":["x"],"resume":false}`,
		`{"url":"ws://example.com","headers":{"A":"x\r\nB: y"}}`, `{"url":"ws://example.com","url":"ws://example.com"}`,
		`{"url":"ws://[fe80::1%25x]"}`, `{"url":"ws://example.com"}{}`, `{"url":"ws://ex\u0000ample.com"}`, "{\"url\":\"ws://\xff\"}",
	} {
		f.Add(s)
	}
	var target *actors.Target
	fleet := controlFleet{dial: func(asked actors.Target) (messages.ID, error) {
		target = &asked
		return messages.NewID(), nil
	}}
	g, err := gateway.New(fleet, gateway.Config{})
	if err != nil {
		f.Fatal(err)
	}
	h := g.Control()
	f.Fuzz(func(t *testing.T, body string) {
		target = nil
		a := controlServe(t, h, controlRequest("POST", "/v1/dial", body))
		switch a.status {
		case http.StatusCreated:
			controlHandshake(t, *target)
		case http.StatusBadRequest:
			var p controlProblem
			if a.json(&p); p.Code != "invalid" || p.Field == "" {
				t.Errorf("%s", a.body)
			}
		case http.StatusForbidden, http.StatusRequestEntityTooLarge:
		default:
			t.Errorf("answered %d", a.status)
		}
		if a.status >= 400 && target != nil {
			t.Errorf("refused with %d and dialed", a.status)
		}
	})
}

// controlHandshake writes the request that target makes, and reads it back.
func controlHandshake(t *testing.T, target actors.Target) {
	u, err := url.Parse(target.URL)
	if err != nil || u.Scheme != "ws" && u.Scheme != "wss" || u.User != nil || u.Hostname() == "" {
		t.Fatalf("%q: %v", target.URL, err)
	}
	header := http.Header{}
	if target.Request != nil {
		if _, header, err = target.Request(t.Context(), messages.Attempt{}); err != nil {
			t.Fatal(err)
		}
	}
	for name, values := range header {
		if len(values) != 1 || name == "" || strings.ContainsAny(name+values[0], "\r\n\x00") || http.CanonicalHeaderKey(name) != name ||
			slices.Contains([]string{"Host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding"}, name) {
			t.Errorf("header %q: %q", name, values)
		}
	}
	for _, s := range target.Dialer.Subprotocols {
		if s == "" || strings.ContainsAny(s, " ,\r\n\t\"") {
			t.Errorf("subprotocol %q", s)
		}
	}
}

// FuzzQuery takes any query on any route that has one: it is taken, or a
// problem that names a field.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"", "confirm=1&timeout=5s", "ttl=30s&key=k&guarantee=at-least-once", "state=open,backoff&label=a=b&group=g&limit=100",
		"after=6ba7b810-9dad-11d1-80b4-00c04fd430c8", "code=4000&reason=bye", "a=%zz", ";", "ttl=9999999h", "%ff", "=", "&&", "ttl=1s&ttl=2s",
		"timeout=%2B1s", "ttl=NaN", "limit=1e3", "limit=0x10", "ttl=1us", "ttl=%C2%B5s",
	} {
		f.Add(s)
	}
	g, err := gateway.New(controlTaking{}, gateway.Config{})
	if err != nil {
		f.Fatal(err)
	}
	h := g.Control()
	const id = "/v1/connections/6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	f.Fuzz(func(t *testing.T, query string) {
		for _, r := range []struct {
			method, path string
			taken        []int
		}{
			{"GET", "/v1/connections", []int{200}}, {"POST", id, []int{200, 202}}, {"DELETE", id, []int{204}},
			{"POST", "/v1/groups/g", []int{202}}, {"GET", "/v1/stats", []int{200}},
		} {
			req := controlRequest(r.method, r.path, "")
			req.URL.RawQuery = query
			a := controlServe(t, h, req)
			if slices.Contains(r.taken, a.status) {
				continue
			}
			var p controlProblem
			if a.json(&p); a.status != 400 || p.Code != "invalid" || p.Field == "" {
				t.Errorf("%s %s?%q: %d %s", r.method, r.path, query, a.status, a.body)
			}
		}
	})
}

package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

func TestTheDocumentIsValidAndHasEveryRouteAndNoOther(t *testing.T) {
	doc, _ := controlDocument()
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	want := gateway.Routes()
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			route := method + " " + path
			query, ok := want[route]
			delete(want, route)
			if !ok {
				t.Errorf("%s is in the document alone", route)
			}
			var documented []string
			for _, p := range operation.Parameters {
				if p.Value.In == "query" {
					documented = append(documented, p.Value.Name)
				}
			}
			slices.Sort(documented)
			if taken := slices.Sorted(slices.Values(query)); !slices.Equal(documented, taken) {
				t.Errorf("%s takes %v and has %v in the document", route, taken, documented)
			}
		}
	}
	for route := range want {
		t.Errorf("%s is not in the document", route)
	}
}

func TestAnotherMethodIsNotAllowed(t *testing.T) {
	w := newControlReal(t, gateway.Config{})
	id := messages.NewID().String()
	for path, allow := range map[string]string{
		"/v1/connections":                  "GET, HEAD",
		"/v1/connections/" + id:            "DELETE, GET, HEAD, POST",
		"/v1/connections/" + id + "/retry": "POST",
		"/v1/dial":                         "POST", "/v1/broadcast": "POST", "/v1/groups/g": "POST",
		"/v1/groups/g/" + id: "DELETE, PUT",
		"/v1/stats":          "GET, HEAD", "/v1/events": "GET, HEAD", "/v1/openapi.json": "GET, HEAD",
		"/healthz": "GET, HEAD", "/readyz": "GET, HEAD",
	} {
		for _, method := range []string{"PATCH", "OPTIONS", "TRACE", "FOO"} {
			if a := w.do(method, path, "").refuses(405, "method_not_allowed", ""); a.header.Get("Allow") != allow {
				t.Errorf("%s: Allow is %q", path, a.header.Get("Allow"))
			}
		}
	}
}

func TestWhereNothingIsIsNotFound(t *testing.T) {
	w := newControlReal(t, gateway.Config{})
	for _, path := range []string{
		"/", "/v1", "/v1/", "/v2/stats", "/v1/stats/", "/V1/stats", "/v1/connections/", "/v1/groups", "/v1/groups/", "/v1/groups/g/",
		"/v1/connections/a/b", "/v1/groups/a/b/c", "/v1%2Fstats", "/v1/openapi.yaml", "/healthz/", "/metrics",
	} {
		w.do("GET", path, "").refuses(404, "not_found", "")
	}
	for _, path := range []string{
		"//", "//v1/stats", "/v1//stats", "/v1/./stats", "/v1/../v1/stats", "/v1/connections/../stats", "/..", "/v1/groups//x",
	} {
		w.do("GET", path, "").refuses(400, "invalid", "path")
	}
	w.do("PUT", "/v1/groups//"+messages.NewID().String(), "").refuses(400, "invalid", "path")
}

// Every code is one that somebody meets.
func TestEachProblemOfTheDocumentComesUp(t *testing.T) {
	id := messages.NewID().String()
	failing := func(err error) func(*http.Request) controlAnswer {
		return controlOver(t, controlFleet{
			send: func() error { return fmt.Errorf("wrapped: %w", err) },
			dial: func(actors.Target) (messages.ID, error) { return messages.ID{}, err },
		}, gateway.Config{MaxMessage: 5})
	}
	none := failing(nil)
	send := func(err error) controlAnswer { return failing(err)(controlRequest("POST", "/v1/connections/"+id, "x")) }
	draining := func() controlAnswer {
		g, err := gateway.New(controlListing{}, gateway.Config{})
		if err != nil {
			t.Fatal(err)
		}
		g.Drain(t.Context(), 1012, 0)
		return controlServe(t, g.Control(), controlRequest("GET", "/readyz", ""))
	}
	end := &messages.CloseError{Code: 1006, Err: messages.ErrHeartbeatTimeout}
	cases := []struct {
		code       string
		status     int
		retryAfter string
		answer     controlAnswer
	}{
		{"invalid", 400, "", none(controlRequest("POST", "/v1/connections/1", ""))},
		{"invalid", 400, "", send(messages.ErrInvalid)},
		{"unauthorized", 401, "", controlOver(t, controlListing{}, gateway.Config{ControlToken: "t"})(controlRequest("GET", "/v1/stats", ""))},
		{"forbidden_host", 403, "", none(controlRequest("GET", "/v1/stats", "", "Host: x"))},
		{"forbidden_origin", 403, "", none(controlRequest("GET", "/v1/stats", "", "Origin: http://x"))},
		{"target_forbidden", 403, "", none(controlRequest("POST", "/v1/dial", `{"url":"ws://127.0.0.1"}`))},
		{"not_found", 404, "", none(controlRequest("GET", "/v1/x", ""))},
		{"unknown_connection", 404, "", send(messages.ErrUnknownConnection)},
		{"method_not_allowed", 405, "", none(controlRequest("PUT", "/v1/stats", ""))},
		{"duplicate", 409, "", failing(messages.ErrDuplicateID)(controlRequest("POST", "/v1/dial", `{"url":"ws://example.com"}`))},
		{"invalid", 400, "", failing(messages.ErrInvalid)(controlRequest("POST", "/v1/dial", `{"url":"ws://example.com"}`))},
		{"replaced", 409, "", send(messages.ErrReplaced)},
		{"closed", 410, "", send(end)},
		{"closed", 410, "", send(&messages.CloseError{Code: 1001, Err: messages.ErrShutdown})},
		{"too_large", 413, "", none(controlRequest("POST", "/v1/connections/"+id, "123456"))},
		{"too_large", 413, "", send(messages.ErrTooLarge)},
		{"unsupported_encoding", 415, "", none(controlRequest("POST", "/v1/connections/"+id, "x", "Content-Encoding: gzip"))},
		{"queue_full", 429, "1", send(messages.ErrQueueFull)},
		{"internal", 500, "", send(errControl)},
		{"no_feed", 501, "", none(controlRequest("GET", "/v1/events", ""))},
		{"draining", 503, "1", send(messages.ErrShutdown)},
		{"draining", 503, "1", draining()},
		{"unconfirmed", 504, "", send(messages.ErrUnconfirmed)},
		{"expired", 504, "", send(messages.ErrExpired)},
		{"timeout", 504, "", send(errors.Join(errControl, context.DeadlineExceeded))},
		// Those that take their time have tests of their own.
		{"slow_body", 408, "", controlAnswer{}},
		{"too_many_streams", 429, "5", controlAnswer{}},
	}
	doc, _ := controlDocument()
	met := make(map[any]bool)
	for _, c := range cases {
		met[c.code] = true
		if c.answer.t == nil {
			continue
		}
		var p controlProblem
		c.answer.json(&p)
		if c.answer.status != c.status || p.Code != c.code || p.Status != c.status || c.answer.header.Get("Retry-After") != c.retryAfter {
			t.Errorf("%s: %d %v %s", c.code, c.answer.status, c.answer.header, c.answer.body)
		}
		if c.code == "internal" && strings.Contains(p.Detail, errControl.Error()) {
			t.Errorf("it is told what only the log may say: %s", p.Detail)
		}
		c.answer.isProblem(doc)
	}
	for _, code := range doc.Components.Schemas["Problem"].Value.Properties["code"].Value.Enum {
		if !met[code] {
			t.Errorf("nobody meets %v", code)
		}
	}
}

// A body that comes drop by drop has 30 s.
func TestASlowBodyIsGivenUp(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		p := w.connect(actors.Client{})
		c, err := w.net.DialContext(t.Context(), "tcp", controlAddress)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		start := time.Now()
		fmt.Fprintf(c, "POST /v1/connections/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n", p.id)
		for range 29 {
			time.Sleep(time.Second)
			c.Write([]byte("x"))
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		controlAnswer{t, resp.StatusCode, resp.Header, data}.refuses(408, "slow_body", "")
		if took := time.Since(start); took != 31*time.Second { // one to send the rest after all
			t.Errorf("took %v", took)
		}
		if info, _ := w.m.Info(p.id); info.Admitted != 0 {
			t.Error("was sent")
		}
	})
}

// Whoever is refused need not have sent its body.
func TestABodyThatDoesNotComeHoldsNoRefusalBack(t *testing.T) {
	controlBubble(t, gateway.Config{MaxMessage: 10}, func(t *testing.T, w *controlWorld) {
		id := messages.NewID().String()
		for _, r := range []struct {
			request string
			status  int
			within  time.Duration
		}{
			{"POST /v1/connections/ID HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n", 413, 0},
			{"POST /v1/connections/ID HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n", 413, time.Second},
			{"POST /v1/connections/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n", 400, time.Second},
			{"POST /v1/connections/ID HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", 403, time.Second},
			{"POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n", 404, time.Second},
			{"GET /v1/stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n", 408, 31 * time.Second},
			{"DELETE /v1/connections/ID HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n", 413, 0},
			{"POST /v1/connections/ID/retry HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400, 0},
		} {
			c, err := w.net.DialContext(t.Context(), "tcp", controlAddress)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			fmt.Fprint(c, strings.Replace(r.request, "ID", id, 1))
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			data, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if took := time.Since(start); resp.StatusCode != r.status || took != r.within {
				t.Errorf("%q is answered with %d after %v, want %d after %v: %s", r.request, resp.StatusCode, took, r.status, r.within, data)
			}
			c.Close()
		}
		time.Sleep(time.Second) // the server lingers
	})
}

// Nor does the time that the body had count for what comes after it.
func TestAFleetMayTakeItsTime(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		g, err := gateway.New(controlSlow{}, gateway.Config{})
		if err != nil {
			t.Fatal(err)
		}
		s := w.serve("127.0.0.1:1000", g.Control())
		defer s.Close()
		w.base = "http://127.0.0.1:1000"
		w.do("POST", "/v1/connections/"+messages.NewID().String(), "x").is(202)
	})
}

func TestNothingOfARequestIsInTheHeadersOfTheAnswer(t *testing.T) {
	w := newControlReal(t, gateway.Config{})
	const mark = "XyZzY"
	for _, r := range []struct{ method, path string }{
		{"GET", "/v1/" + mark}, {"GET", "/v1/stats?" + mark + "=1"}, {"GET", "/v1/connections/" + mark}, {"PUT", "/v1/groups/" + mark + "/1"},
		{"POST", "/v1/groups/" + mark + "%0d%0aX-Evil:1"}, {mark, "/v1/stats"},
	} {
		a := w.do(r.method, r.path, mark, "X-Request-Id: "+mark, "Referer: http://"+mark, "Tether-Key: "+mark)
		for name, values := range a.header {
			if strings.Contains(name+strings.Join(values, ""), mark) {
				t.Errorf("%s %s: %s: %v", r.method, r.path, name, values)
			}
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v", a.header)
		}
	}
}

func TestStatsTellOfTheFleetAndTheGateway(t *testing.T) {
	w := newControlReal(t, gateway.Config{})
	p := w.connect(actors.Client{})
	w.do("GET", "/v1/nothing", "").is(404)
	w.feed.Publish(messages.EventTransition{ID: p.id, Transition: messages.Transition{
		At: time.Unix(0, 0), From: messages.Open, To: messages.Backoff, Cause: errControl}})
	w.feed.Publish(messages.EventTransition{ID: p.id, Transition: messages.Transition{
		At: time.Unix(3, 0), From: messages.Connecting, To: messages.Open}})
	var s struct {
		Ready       bool
		Connections map[string]int
		Outcomes    map[string]uint64
		Control     map[string]uint64
		Outages     *struct {
			Count uint64
			P50   float64 `json:"p50_seconds"`
			Sum   float64 `json:"sum_seconds"`
		}
	}
	w.do("GET", "/v1/stats", "").is(200).json(&s)
	if !s.Ready || len(s.Connections) != 6 || len(s.Outcomes) != 7 || s.Control["4xx"] != 1 || s.Outages == nil ||
		s.Outages.Count != 1 || s.Outages.Sum != 3 || s.Outages.P50 < 2 || s.Outages.P50 > 4.5 {
		t.Errorf("%+v %+v", s, s.Outages)
	}
	w.do("GET", "/v1/stats", "").is(200).json(&s)
	if s.Control["2xx"] != 1 {
		t.Errorf("%+v", s)
	}
	ask := controlOver(t, controlCounting{}, gateway.Config{})
	if a := ask(controlRequest("GET", "/v1/stats", "")).is(200); strings.Contains(string(a.body), "outages") {
		t.Errorf("%s", a.body)
	} else if !strings.Contains(string(a.body), `"connections":{"backoff":0,"closing":0,"connecting":0,"detached":0,"open":7,"parked":0}`) ||
		!strings.Contains(string(a.body), `"confirmed":3`) || !strings.Contains(string(a.body), `"opened":9`) {
		t.Errorf("%s", a.body)
	}
}

package drops

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Control returns p's control over HTTP. GET / tells people how to use it.
//
//	GET    /v1/connections  {"connections":[{"id":7,"client":"127.0.0.1:50000","age_seconds":1.5,"state":"open",
//	                        "fault":"silence","side":"both","remaining_seconds":28.5}]}
//	GET    /v1/counts       ProxyCounts
//	POST   /v1/faults       {"fault":"silence","for":"30s","share":0.2} gives {"struck":40}
//	DELETE /v1/faults       Proxy.Heal; gives {"healed":40}
//
// A POST names a happening in the words that [Parse] reads, and for what lasts
// a time, as time.ParseDuration reads it. A fault goes to "share", a number as
// InjectShare has it; to "connection", an ID; or to "all" that are live, with
// true; and may name its "side": client, server or both. A refusal or a fault
// of the dial meets the next handshakes, and goes to none of these.
//
// Errors are problem details (RFC 9457), with the "field" at fault. Whoever
// reaches the handler may drop what passes through p: so it answers only
// requests to a loopback host, and none that come from a web page. That keeps
// browsers out, and nobody else: serve it on loopback alone. Requests may be
// 64 KiB long.
func (p *Proxy) Control() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/{$}", byMethod{http.MethodGet: guide})
	mux.Handle("/v1/connections", byMethod{http.MethodGet: p.answerConnections})
	mux.Handle("/v1/counts", byMethod{http.MethodGet: p.answerCounts})
	mux.Handle("/v1/faults", byMethod{http.MethodPost: p.takeFault, http.MethodDelete: p.answerHeal})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem{Status: http.StatusNotFound, Detail: "there is nothing at " + r.URL.Path}.write(w)
	})
	return guardLoopback(mux)
}

// guardLoopback keeps web pages out, also those that have their own host's name point
// here.
func guardLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header["Origin"] != nil:
			problem{Status: http.StatusForbidden, Detail: "requests of web pages are not answered"}.write(w)
		case !loopback(r.Host):
			problem{Status: http.StatusForbidden, Detail: "the host must be localhost or a loopback address"}.write(w)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || strings.EqualFold(host, "localhost")
}

// byMethod are the handlers of one path.
type byMethod map[string]http.HandlerFunc

func (m byMethod) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if handle := m[method]; handle != nil {
		handle(w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(m)), ", "))
	problem{Status: http.StatusMethodNotAllowed, Detail: r.Method + " is not for " + r.URL.Path}.write(w)
}

// problem is RFC 9457's.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Field  string `json:"field,omitempty"`
}

func (p problem) write(w http.ResponseWriter) {
	p.Title = http.StatusText(p.Status)
	writeJSON(w, "application/problem+json", p.Status, p)
}

func replyJSON(w http.ResponseWriter, v any) { writeJSON(w, "application/json", http.StatusOK, v) }

func writeJSON(w http.ResponseWriter, kind string, status int, v any) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that has gone can't be told so
}

func guide(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprintf(w, `Control of a proxy that drops WebSocket connections.

curl http://%[1]s/v1/connections
curl http://%[1]s/v1/counts
curl http://%[1]s/v1/faults -H 'Content-Type: application/json' -d '{"fault":"silence","for":"30s","share":0.2}'
curl http://%[1]s/v1/faults -H 'Content-Type: application/json' -d '{"fault":"close 1012","connection":7}'
curl http://%[1]s/v1/faults -H 'Content-Type: application/json' -d '{"fault":"reset","all":true}'
curl http://%[1]s/v1/faults -H 'Content-Type: application/json' -d '{"fault":"refuse 503","for":"10s"}'
curl -X DELETE http://%[1]s/v1/faults

Faults:
  %[2]s
`, r.Host, strings.Join(Words(), "\n  "))
}

type connectionJSON struct {
	ID        uint64   `json:"id"`
	Client    string   `json:"client"`
	Age       float64  `json:"age_seconds"`
	State     string   `json:"state"` // open, closing
	Fault     string   `json:"fault,omitempty"`
	Side      string   `json:"side,omitempty"`
	Remaining *float64 `json:"remaining_seconds,omitempty"` // none: for ever
}

func (p *Proxy) answerConnections(w http.ResponseWriter, _ *http.Request) {
	list := []connectionJSON{}
	for _, c := range p.Connections() {
		list = append(list, c.json())
	}
	replyJSON(w, map[string]any{"connections": list})
}

func (c Proxied) json() connectionJSON {
	j := connectionJSON{ID: c.ID, Client: c.Client, Age: time.Since(c.Since).Seconds(), State: "open"}
	if c.Closing {
		j.State = "closing"
	}
	if c.Fault != nil {
		j.Fault, j.Side = c.Fault.String(), c.Side.String()
	}
	if left := c.Remaining.Seconds(); left > 0 {
		j.Remaining = &left
	}
	return j
}

func (p *Proxy) answerCounts(w http.ResponseWriter, _ *http.Request) { replyJSON(w, p.Counts()) }

func (p *Proxy) answerHeal(w http.ResponseWriter, _ *http.Request) {
	replyJSON(w, map[string]int{"healed": p.Heal()})
}

package gateway

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

// Control returns the control API: /v1/..., /healthz and /readyz. All but the
// last two are behind [Gateway.Guard]; those tell no more than one status, to
// probes that call by whatever name. The document at /v1/openapi.json tells
// the routes, their parameters and their answers.
//
// Errors are problems (RFC 9457): application/problem+json with a code that
// stays the same over versions. Times are RFC 3339, durations in answers are
// seconds, and durations in requests are like 1m30s. What a request says that
// nobody asks for (an unknown parameter or field, one that is given twice) is
// refused and not passed over.
//
// A request's body has 30 s to arrive. Its headers, and the reading of the
// answer, are for the http.Server to bound: its WriteTimeout does not cut short
// the calls that wait, which are those that confirm or close, nor /v1/events.
// A stream of events ends with its request's context and not before: have
// the server's BaseContext end where it is to shut down.
func (g *Gateway) Control() http.Handler {
	c := &control{Gateway: g}
	mux := c.mux()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w = &counted{ResponseWriter: w, count: g.countControl}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !normal(r.URL.EscapedPath()) { // the mux would redirect
			g.Guard(refuse(invalidField("path", "is not in its normal form"))).ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// control is one control API with what its requests share.
type control struct {
	*Gateway
	streams atomic.Int32 // of events that are open
}

// route is an operation of the API. An error that serve returns has not been
// answered.
type route struct {
	method, pattern string
	serve           func(*control, *call) error
	query           []string // the parameters it takes
	body            bool     // it takes one; what others are sent is read and dropped
	open            bool     // to everybody, without the guard
}

var routes = []route{
	{method: "GET", pattern: "/healthz", serve: (*control).healthy, open: true},
	{method: "GET", pattern: "/readyz", serve: (*control).ready, open: true},

	{method: "GET", pattern: "/v1/openapi.json", serve: (*control).document},
	{method: "GET", pattern: "/v1/stats", serve: (*control).stats},
	{method: "GET", pattern: "/v1/events", serve: (*control).events, query: []string{"connection", "type"}},

	{method: "GET", pattern: "/v1/connections", serve: (*control).list,
		query: []string{"state", "label", "group", "limit", "after"}},
	{method: "GET", pattern: "/v1/connections/{id}", serve: (*control).info},
	{method: "POST", pattern: "/v1/connections/{id}", serve: (*control).send, body: true,
		query: []string{"ttl", "key", "guarantee", "confirm", "timeout"}},
	{method: "DELETE", pattern: "/v1/connections/{id}", serve: (*control).close,
		query: []string{"code", "reason", "timeout"}},
	{method: "POST", pattern: "/v1/connections/{id}/retry", serve: (*control).retry},
	{method: "POST", pattern: "/v1/dial", serve: (*control).dial, body: true},

	{method: "PUT", pattern: "/v1/groups/{group}/{id}", serve: (*control).join},
	{method: "DELETE", pattern: "/v1/groups/{group}/{id}", serve: (*control).leave},
	{method: "POST", pattern: "/v1/groups/{group}", serve: (*control).broadcastGroup, body: true,
		query: []string{"ttl", "key", "guarantee"}},
	{method: "POST", pattern: "/v1/broadcast", serve: (*control).broadcastAll, body: true,
		query: []string{"ttl", "key", "guarantee"}},
}

// mux answers what no route is for with a problem too.
func (c *control) mux() *http.ServeMux {
	mux := http.NewServeMux()
	allow := make(map[string][]string)
	for _, rt := range routes {
		h := c.handler(rt)
		if !rt.open {
			h = c.Guard(h)
		}
		mux.Handle(rt.method+" "+rt.pattern, h)
		allow[rt.pattern] = append(allow[rt.pattern], rt.method)
	}
	for pattern, methods := range allow {
		mux.Handle(pattern, c.Guard(notAllowed(methods)))
	}
	mux.Handle("/", c.Guard(refuse(newProblem(kindNotFound, "nothing is at this path"))))
	return mux
}

func (c *control) handler(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := c.take(rt, &call{Request: r, w: w})
		if err == nil {
			return
		}
		p := problemOf(err)
		if p.Status == http.StatusInternalServerError {
			c.log.Warn("control request failed", "route", rt.pattern, "cause", err)
		}
		p.write(w)
	})
}

func (c *control) take(rt route, r *call) (err error) {
	if r.query, err = parameters(r.URL.RawQuery, rt.query); err != nil {
		return err
	}
	if !rt.body && r.ContentLength != 0 {
		if _, err := r.body(mostJSON); err != nil {
			return err
		}
	}
	return rt.serve(c, r)
}

// refuse answers every request with p.
func refuse(p *problem) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { p.write(w) })
}

func notAllowed(methods []string) http.Handler {
	if slices.Contains(methods, http.MethodGet) {
		methods = append(methods, http.MethodHead)
	}
	slices.Sort(methods)
	allow := strings.Join(methods, ", ")
	p := refuse(newProblem(kindMethod, "allowed here: "+allow))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		p.ServeHTTP(w, r)
	})
}

// normal reports whether an escaped path has no empty and no dot segments.
func normal(path string) bool {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		inside := i > 0 && i < len(segments)-1
		if s == "." || s == ".." || inside && s == "" {
			return false
		}
	}
	return true
}

// counted tells the status of an answer once, when it begins.
type counted struct {
	http.ResponseWriter
	count func(status int)
	told  bool
}

func (w *counted) WriteHeader(status int) {
	if !w.told && status >= http.StatusOK {
		w.told = true
		w.count(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *counted) Write(p []byte) (int, error) {
	if !w.told {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets an http.ResponseController see what is below.
func (w *counted) Unwrap() http.ResponseWriter { return w.ResponseWriter }

package drops

import "net/http"

// Gate stands before a server's handler and refuses handshakes on demand. Made
// by [NewGate], it is open. Its methods may be called from anywhere.
type Gate struct {
	next     http.Handler
	refusals countdown[Refusal]
}

// NewGate returns an open gate before next.
func NewGate(next http.Handler) *Gate { return &Gate{next: next} }

// Refuse has r answer the next n requests, and all until [Gate.Open] if n is
// negative. It replaces what was asked for before, and leaves alone the requests
// that are already with it.
func (g *Gate) Refuse(n int, r Refusal) { g.refusals.set(n, r) }

// Open lets every request through from now on.
func (g *Gate) Open() { g.refusals.clear() }

// ServeHTTP implements http.Handler.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if refusal, ok := g.refusals.take(); ok {
		refusal.ServeHTTP(w, r)
		return
	}
	g.next.ServeHTTP(w, r)
}

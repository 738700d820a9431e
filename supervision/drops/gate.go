package drops

import (
	"net/http"
	"sync"
)

// Gate stands before a server's handler and refuses handshakes on demand. Made
// by [NewGate], it is open. Its methods may be called from anywhere.
type Gate struct {
	next http.Handler

	mu     sync.Mutex
	left   int // handshakes to refuse; negative: all
	refuse Refuse
}

// NewGate returns an open gate before next.
func NewGate(next http.Handler) *Gate { return &Gate{next: next} }

// Refuse answers the next n requests with r, and all until [Gate.Open] if n is
// negative. It replaces what was asked for before.
func (g *Gate) Refuse(n int, r Refuse) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left, g.refuse = n, r
}

// Open lets every request through from now on.
func (g *Gate) Open() { g.Refuse(0, Refuse{}) }

// ServeHTTP implements http.Handler.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.pick().ServeHTTP(w, r) }

func (g *Gate) pick() http.Handler {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left == 0 {
		return g.next
	}
	if g.left > 0 {
		g.left--
	}
	return g.refuse
}

package drops

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// roster remembers live Conns in the order in which they came.
type roster struct {
	mu     sync.Mutex
	next   uint64
	places map[*Conn]uint64
}

func (r *roster) add(c *Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.places == nil {
		r.places = make(map[*Conn]uint64)
	}
	r.places[c] = r.next
	r.next++
}

func (r *roster) remove(c *Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.places, c)
}

func (r *roster) list() []*Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedFunc(maps.Keys(r.places), func(a, b *Conn) int {
		return cmp.Compare(r.places[a], r.places[b])
	})
}

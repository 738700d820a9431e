package drops

import (
	"cmp"
	"slices"
	"time"
)

// Proxied is a snapshot of a connection of a [Proxy].
type Proxied struct {
	ID        uint64 // from 1, as accepted
	Client    string // its address
	Since     time.Time
	Closing   bool          // a fault or a peer has begun to end it
	Fault     Fault         // that is in force; nil: none
	Side      Side          // of Fault
	Remaining time.Duration // of Fault; 0: for ever
}

// Connections lists those that pass through now, by ID.
func (p *Proxy) Connections() []Proxied {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Proxied, 0, len(p.conns))
	for _, c := range p.conns {
		list = append(list, c.snapshot())
	}
	return list
}

func (c *proxied) snapshot() Proxied {
	s := Proxied{ID: c.id, Client: c.client.conn.RemoteAddr().String(), Since: c.since, Closing: c.outcome != nil}
	if l := c.lasts; l != nil {
		s.Fault, s.Side = l.Fault, l.side()
		if !l.until.IsZero() {
			s.Remaining = max(time.Until(l.until), 1) // at its end it is as good as over
		}
	}
	return s
}

func (p *Proxy) remove(c *proxied) {
	p.mu.Lock()
	c.gone = true
	c.outcome(&p.counts.Ends)
	i, _ := p.find(c.id)
	p.conns = slices.Delete(p.conns, i, i+1)
	p.mu.Unlock()
	c.forget() // now that no more can begin
}

// find has the caller hold the lock.
func (p *Proxy) find(id uint64) (int, bool) {
	return slices.BinarySearchFunc(p.conns, id, func(c *proxied, id uint64) int {
		return cmp.Compare(c.id, id)
	})
}

func (p *Proxy) get(id uint64) *proxied {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i, found := p.find(id); found {
		return p.conns[i]
	}
	return nil
}

func (p *Proxy) live() []*proxied {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.filter(func(c *proxied) bool { return c.outcome == nil })
}

func (p *Proxy) filter(wanted func(*proxied) bool) (found []*proxied) {
	for _, c := range p.conns {
		if wanted(c) {
			found = append(found, c)
		}
	}
	return found
}

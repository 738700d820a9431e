package page

import (
	"context"
	"time"
)

const (
	period   = time.Second
	restMin  = 100 * time.Millisecond // after a look at all connections
	restPart = 4                      // times what the look took
)

// broadcast tells all pages what is new: once a period the overview and the
// connection that each has selected, and what it searches as often as rest
// allows. A page that asks is answered at once, rest permitting. It ends when
// nobody looks any more.
func (p *Page) broadcast() {
	defer p.running.Done()
	tick, rested := time.NewTicker(period), time.NewTimer(0)
	defer tick.Stop()
	defer rested.Stop()
	p.observe()
	due, resting := true, true
	for pages := p.watched(); len(pages) > 0; pages = p.watched() {
		select {
		case <-tick.C:
			due = true
			p.observe()
			p.inspect(pages)
		case <-p.asked:
			due = true
			p.inspect(pages)
		case <-rested.C:
			resting = false
		}
		if due && !resting {
			rested.Reset(p.survey(pages))
			due, resting = false, true
		}
	}
}

// observe tells all pages the overview.
func (p *Page) observe() {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	latest := p.overview(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latest = latest
	for v := range p.pages {
		v.tell(frame{Overview: latest})
	}
}

// inspect tells each page of the connection that it has selected.
func (p *Page) inspect(pages []*viewer) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	for _, v := range pages {
		if id := v.wants().selected; !id.IsZero() {
			info, err := p.fleet.Info(ctx, id)
			v.tell(frame{Detail: detailOf(id, info, err)})
		}
	}
}

// survey looks at all connections, tells each page those that it searches, and
// returns for how long to rest from it.
func (p *Page) survey(pages []*viewer) time.Duration {
	began := time.Now()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	c := newCensus(pages)
	for info := range p.fleet.Connections(ctx) {
		c.count(&info)
	}
	p.rtt = c.roundTrips()
	for i, v := range pages {
		v.tell(frame{Table: c.searches[i].table(c.total)})
	}
	return max(restMin, restPart*time.Since(began))
}

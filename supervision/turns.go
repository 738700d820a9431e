package supervision

import "time"

// pump grants whatever may be granted at now, and sets the timer for the rest.
func (g *Governor) pump(now time.Time) {
	for p := g.later.first(now); p != nil; p = g.later.first(now) {
		g.settle(p, now)
	}
	for g.ready.Len() > 0 && g.underWay < g.limits.Concurrent && !g.next.After(now) {
		g.grant(g.ready.Front().Value.(*pool), now)
	}
	for p := g.idle.first(now); p != nil; p = g.idle.first(now) {
		g.settle(p, now)
	}
	g.arm(now)
}

func (g *Governor) grant(p *pool, now time.Time) {
	t := p.queue.Remove(p.queue.Front()).(*Ticket)
	t.place, t.begun = nil, true
	g.waiting--
	g.underWay++
	p.underWay++
	p.last = now
	g.next = now.Add(g.spacing)
	g.unsettle(p) // or it would keep its turn
	g.settle(p, now)
	go t.granted(&Permit{governor: g, pool: p})
}

// settle puts the pool where it belongs after any change: in line, among those
// whose time will come, among the idle, or nowhere until a dial is done.
func (g *Governor) settle(p *pool, now time.Time) {
	b := g.bounds(p)
	due := p.due(b)
	waits := p.queue.Len() > 0 && p.underWay < b.concurrent
	if waits && !due.After(now) && p.turn != nil {
		return
	}
	g.unsettle(p)
	switch {
	case waits && due.After(now):
		g.later.put(p, due)
	case waits:
		p.turn = g.ready.PushBack(p)
	case p.queue.Len() == 0 && p.underWay == 0:
		g.rest(p, due, now)
	}
}

// rest forgets the pool, or sees to it that it will be.
func (g *Governor) rest(p *pool, due, now time.Time) {
	if end := p.failed.Add(remembered); p.failures > 0 && end.After(due) {
		due = end
	}
	if due.After(now) {
		g.idle.put(p, due)
		return
	}
	delete(g.pools, p.name)
}

func (g *Governor) unsettle(p *pool) {
	if p.turn != nil {
		g.ready.Remove(p.turn)
		p.turn = nil
	}
	if p.heap != nil {
		p.heap.remove(p)
	}
}

// arm sets the timer for the next grant that only time can bring.
func (g *Governor) arm(now time.Time) {
	wake := g.nextGrant()
	if wake.Equal(g.wake) {
		return
	}
	g.wake = wake
	switch {
	case wake.IsZero():
		g.timer.Stop()
	case g.timer == nil:
		g.timer = time.AfterFunc(wake.Sub(now), g.tick)
	default:
		g.timer.Reset(wake.Sub(now))
	}
}

// nextGrant returns when the next grant is due; zero if nobody waits, or only
// for a dial to be done.
func (g *Governor) nextGrant() time.Time {
	switch {
	case g.underWay >= g.limits.Concurrent, g.ready.Len() == 0 && len(g.later) == 0:
		return time.Time{}
	case g.ready.Len() > 0:
		return g.next
	}
	return g.later[0].at
}

func (g *Governor) tick() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wake = time.Time{}
	if !g.closed {
		g.pump(time.Now())
	}
}

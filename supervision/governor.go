package supervision

import (
	"container/list"
	"sync"
	"time"
)

// remembered is how long a pool that failed is remembered after its last
// dial, with nobody waiting.
const remembered = time.Minute

// Governor bounds the dials of many connections: those under way and those
// begun per second, of each pool and of all. A pool that fails everybody is
// probed by few; when it answers, the rest follow at the usual rate. It is
// safe for use by many goroutines and has none of its own: one timer while
// anybody waits, none otherwise.
//
// A pool with nothing waiting or under way is forgotten once its spacing and
// its hold have passed, and a minute after its last failure, at a later call.
type Governor struct {
	limits  Limits
	spacing time.Duration // of all pools
	alive   bounds
	dead    bounds

	mu       sync.Mutex
	pools    map[string]*pool
	ready    list.List // of *pool whose time has come, whose turn is next in front
	later    schedule  // pools that wait for their time
	idle     schedule  // pools that nobody waits for, by when they are forgotten
	waiting  int
	underWay int
	next     time.Time // when the next attempt of all may begin
	timer    *time.Timer
	wake     time.Time // when timer fires; zero while it is stopped
	closed   bool
}

// NewGovernor returns a governor. Limits that Validate refuses count as zero.
func NewGovernor(l Limits) *Governor {
	l = l.withDefaults()
	return &Governor{
		limits:  l,
		spacing: spacing(l.PerSecond),
		alive:   bounds{l.PoolConcurrent, spacing(l.PoolPerSecond)},
		dead:    bounds{l.Probes, spacing(l.ProbesPerSecond)},
		pools:   map[string]*pool{},
	}
}

// Enqueue asks for one dial of a pool, and does not block. When it is this
// ticket's turn, granted runs once, on a goroutine of its own that ends when
// it returns and is the caller's to join; it owes one Done. Turns go in order
// of arrival inside a pool, and round the pools.
func (g *Governor) Enqueue(pool string, granted func(*Permit)) *Ticket {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := &Ticket{governor: g, granted: granted}
	if g.closed {
		return t
	}
	now := time.Now()
	t.pool = g.pool(pool)
	t.place = t.pool.queue.PushBack(t)
	g.waiting++
	if t.pool.queue.Len() == 1 {
		g.settle(t.pool, now)
	}
	g.pump(now)
	return t
}

// Hold grants nobody of the pool for that long from now. Of several holds the
// one that ends last counts. It does not block.
func (g *Governor) Hold(pool string, until time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	end := now.Add(until)
	if g.closed || until <= 0 {
		return
	}
	p := g.pool(pool)
	if end.After(p.held) {
		p.held = end
	}
	g.settle(p, now)
	g.pump(now)
}

// Waiting returns how many tickets are neither granted nor cancelled.
func (g *Governor) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting
}

// Close cancels whoever waits and stops the timer; a later Enqueue is never
// granted. What was granted before goes on. It does not block, and may be
// called again.
func (g *Governor) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.waiting = 0
	g.pools, g.later, g.idle = nil, nil, nil
	g.ready.Init()
	g.arm(time.Now())
}

func (g *Governor) cancel(t *Ticket) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.place == nil || g.closed {
		return !t.begun
	}
	now := time.Now()
	t.pool.queue.Remove(t.place)
	t.place = nil
	g.waiting--
	g.settle(t.pool, now)
	g.pump(now)
	return true
}

func (g *Governor) done(permit *Permit, o Outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if permit.used || g.closed {
		return
	}
	permit.used = true
	p := permit.pool
	p.underWay--
	g.underWay--
	now := time.Now()
	switch o {
	case Answered:
		p.failures = 0
	case Failed:
		p.failures++
		p.failed = now
	}
	g.settle(p, now)
	g.pump(now)
}

func (g *Governor) pool(name string) *pool {
	p := g.pools[name]
	if p == nil {
		p = &pool{name: name}
		g.pools[name] = p
	}
	return p
}

func (g *Governor) bounds(p *pool) bounds {
	if p.failures >= g.limits.DeadAfter {
		return g.dead
	}
	return g.alive
}

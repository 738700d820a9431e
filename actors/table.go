package actors

import (
	"errors"
	"sync"
	"time"

	"github.com/tetherws/tether/messages"
)

// table routes IDs to records. It is read by every send, in the sender's
// goroutine, and so in shards that do not wait for one another.
type table struct {
	shards [shards]shard
	graves graveyard
}

const shards = 64

type shard struct {
	mu      sync.RWMutex
	records map[messages.ID]*record
	_       [32]byte // a cache line of its own
}

func (t *table) shard(id messages.ID) *shard { return &t.shards[id[15]%shards] }

func (t *table) get(id messages.ID) *record {
	s := t.shard(id)
	s.mu.RLock()
	r := s.records[id]
	s.mu.RUnlock()
	return r
}

// add reports false if the ID is in use, or closed so lately that it is still
// remembered: closed is final.
func (t *table) add(r *record) bool {
	s := t.shard(r.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[r.id] != nil || t.graves.find(r.id) != nil {
		return false
	}
	if s.records == nil {
		s.records = make(map[messages.ID]*record)
	}
	s.records[r.id] = r
	return true
}

// bury forgets r but for how it ended. r's lock is held.
func (t *table) bury(r *record) {
	t.graves.add(&grave{info: r.infoLocked(), end: r.end, at: r.m.now()})
	t.remove(r)
}

func (t *table) remove(r *record) {
	s := t.shard(r.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, r.id)
}

// snapshot returns the records of one shard.
func (t *table) snapshot(i int) []*record {
	s := &t.shards[i]
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*record, 0, len(s.records))
	for _, r := range s.records {
		all = append(all, r)
	}
	return all
}

// all returns every record.
func (t *table) all() (all []*record) {
	for i := range shards {
		all = append(all, t.snapshot(i)...)
	}
	return all
}

// graveyard remembers the connections that closed lately, so that their IDs
// are answered with ErrClosed rather than ErrUnknownConnection.
type graveyard struct {
	now func() instant

	mu     sync.Mutex
	byID   map[messages.ID]*grave
	oldest *grave
	newest *grave
	timer  *time.Timer
	closed bool
}

// grave is what is left of a closed connection.
type grave struct {
	info messages.Info
	end  *messages.CloseError
	at   instant
	next *grave
}

const (
	remembered     = time.Minute
	mostRemembered = 10_000
)

func (g *graveyard) find(id messages.ID) *grave {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.byID[id]
	if e != nil && e.at.add(remembered) <= g.now() { // no timer forgets it after the shutdown
		return nil
	}
	return e
}

func (g *graveyard) add(e *grave) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	if g.byID == nil {
		g.byID = make(map[messages.ID]*grave)
	}
	g.byID[e.info.ID] = e
	if g.newest == nil {
		g.oldest = e
	} else {
		g.newest.next = e
	}
	g.newest = e
	if len(g.byID) > mostRemembered {
		g.forgetOldest()
	}
	g.wind()
}

func (g *graveyard) forgetOldest() {
	if id := g.oldest.info.ID; g.byID[id] == g.oldest { // and not of a later one with its ID
		delete(g.byID, id)
	}
	g.oldest = g.oldest.next
	if g.oldest == nil {
		g.newest = nil
	}
}

// wind sets the timer for the oldest grave. mu is held.
func (g *graveyard) wind() {
	if g.timer == nil && g.oldest != nil && !g.closed {
		g.timer = time.AfterFunc(g.oldest.at.add(remembered).sub(g.now()), g.forget)
	}
}

func (g *graveyard) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timer = nil
	for now := g.now(); g.oldest != nil && g.oldest.at.add(remembered) <= now; {
		g.forgetOldest()
	}
	g.wind()
}

// stop ends the timer. What is remembered stays.
func (g *graveyard) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	if g.timer != nil {
		g.timer.Stop()
	}
}

// ended reports whether err is the end of a connection.
func ended(err error) bool {
	var end *messages.CloseError
	return errors.As(err, &end)
}

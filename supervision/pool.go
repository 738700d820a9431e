package supervision

import (
	"container/heap"
	"container/list"
	"time"
)

// pool is who dials one place. While it has anybody waiting it is in the
// governor's ready list, or in its later heap, or in neither when it has as
// many dials under way as it may.
type pool struct {
	name     string
	queue    list.List // of *Ticket, in order of arrival
	underWay int
	failures int       // in a row, with no answer between
	last     time.Time // when the last of its dials was granted
	failed   time.Time // when the last of its dials failed
	held     time.Time // nobody is granted before

	turn  *list.Element // its place in the ready list; nil outside it
	heap  *schedule     // the heap it is in; nil outside any
	index int           // its place in heap
	at    time.Time     // what heap orders it by
}

// bounds is what a pool may do, dead or alive.
type bounds struct {
	concurrent int
	spacing    time.Duration
}

// due is when the pool's next attempt may begin, places permitting.
func (p *pool) due(b bounds) time.Time {
	next := p.last.Add(b.spacing)
	if p.held.After(next) {
		return p.held
	}
	return next
}

// schedule is a heap of pools by their time.
type schedule []*pool

func (s *schedule) put(p *pool, at time.Time) {
	p.at, p.heap = at, s
	heap.Push(s, p)
}

func (s *schedule) remove(p *pool) {
	heap.Remove(s, p.index)
	p.heap = nil
}

// first returns the earliest pool if its time has come, and otherwise nil.
func (s schedule) first(now time.Time) *pool {
	if len(s) == 0 || s[0].at.After(now) {
		return nil
	}
	return s[0]
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].at.Before(s[j].at) }

func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

func (s *schedule) Push(x any) {
	p := x.(*pool)
	p.index = len(*s)
	*s = append(*s, p)
}

func (s *schedule) Pop() any {
	last := len(*s) - 1
	p := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	return p
}

package actors

import (
	"container/heap"
	"math"
	"sync"
	"time"
)

// instant counts nanoseconds of the manager's monotonic clock; 0 is never.
type instant int64

// add returns the instant d later, or the last one there is.
func (i instant) add(d time.Duration) instant {
	if d > math.MaxInt64-time.Duration(i) {
		return math.MaxInt64
	}
	return i + instant(d)
}

func (i instant) sub(earlier instant) time.Duration { return time.Duration(i - earlier) }

// earliest returns the first of those that are set.
func earliest(all ...instant) (first instant) {
	for _, each := range all {
		if each != 0 && (first == 0 || each < first) {
			first = each
		}
	}
	return first
}

// pacemaker is one schedule for all connections, asleep until its next entry
// is due. An entry that comes due asks its record what is due now and when
// next, so that it need not be moved each time a deadline moves away.
//
// It is a heap and a timer and not an actor: nothing is gained by a mailbox
// before a schedule that only ever posts to others.
type pacemaker struct {
	now func() instant

	mu      sync.Mutex
	entries schedule
	timer   *time.Timer
	armed   instant // when timer fires; 0: not set
	stopped bool
	firing  sync.WaitGroup
}

// pulse is a record's place in the schedule.
type pulse struct {
	due   instant
	index int // in the heap, plus one; 0: not in it
}

// arm makes r's entry come due no later than at due; 0 asks for nothing. An
// earlier entry is left as it is.
func (p *pacemaker) arm(r *record, due instant) {
	if due == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stopped || r.pulse.index != 0 && r.pulse.due <= due:
		return
	case r.pulse.index == 0:
		r.pulse.due = due
		heap.Push(&p.entries, r)
	default:
		r.pulse.due = due
		heap.Fix(&p.entries, r.pulse.index-1)
	}
	p.set()
}

// disarm removes r's entry.
func (p *pacemaker) disarm(r *record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.pulse.index != 0 {
		heap.Remove(&p.entries, r.pulse.index-1)
	}
}

// set sees to it that the timer fires for the first entry. mu is held.
func (p *pacemaker) set() {
	if len(p.entries) == 0 || p.armed != 0 && p.armed <= p.entries[0].pulse.due {
		return
	}
	p.armed = p.entries[0].pulse.due
	wait := time.Duration(p.armed - p.now())
	if p.timer == nil {
		p.timer = time.AfterFunc(wait, p.fire)
	} else {
		p.timer.Reset(wait)
	}
}

func (p *pacemaker) fire() {
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		return
	}
	p.firing.Add(1)
	defer p.firing.Done()
	p.armed = 0
	now := p.now()
	var due []*record
	for len(p.entries) > 0 && p.entries[0].pulse.due <= now {
		due = append(due, heap.Pop(&p.entries).(*record))
	}
	p.set()
	p.mu.Unlock()
	for _, r := range due {
		r.tick(now)
	}
}

// stop ends the schedule and waits for what it is doing.
func (p *pacemaker) stop() {
	p.mu.Lock()
	p.stopped = true
	for _, r := range p.entries {
		r.pulse.index = 0
	}
	p.entries = nil
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	p.firing.Wait()
}

// schedule is a heap of records by their due time.
type schedule []*record

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].pulse.due < s[j].pulse.due }

func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].pulse.index, s[j].pulse.index = i+1, j+1
}

func (s *schedule) Push(x any) {
	r := x.(*record)
	*s = append(*s, r)
	r.pulse.index = len(*s)
}

func (s *schedule) Pop() any {
	last := len(*s) - 1
	r := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	r.pulse.index = 0
	return r
}

package demo

import (
	"slices"
	"sync"
	"time"

	"github.com/tetherws/tether/messages"
)

// score counts what happens. Its methods may be called from any goroutine.
type score struct {
	mu     sync.Mutex
	counts counts
	left   map[messages.ID]time.Time // Open, the last time
	took   []time.Duration           // to Open again
}

// counts is a snapshot of a score.
type counts struct {
	states     [messages.Closed + 1]int // connections in each
	sent       int
	refused    int // for want of room in the outbox: not sent
	confirmed  int
	drops      int
	reconnect  latency
	reconnects int
}

func newScore() *score { return &score{left: make(map[messages.ID]time.Time)} }

// snapshot returns the counts so far.
func (s *score) snapshot() counts {
	s.mu.Lock()
	c, took := s.counts, slices.Clone(s.took)
	s.mu.Unlock()
	c.reconnects, c.reconnect = len(took), latencyOf(took)
	return c
}

// add counts something that did not come as an event.
func (s *score) add(count func(*counts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count(&s.counts)
}

// event is the manager's OnEvent.
func (s *score) event(e messages.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := e.(type) {
	case messages.EventTransition:
		s.transition(e)
	case messages.EventOutcome:
		if e.Outcome == messages.OutcomeConfirmed {
			s.counts.confirmed++
		}
	}
}

func (s *score) transition(e messages.EventTransition) {
	s.counts.states[e.From]--
	s.counts.states[e.To]++
	if e.From == messages.Open {
		s.left[e.ID] = e.At
	}
	if left, reopened := s.left[e.ID]; reopened && e.To == messages.Open {
		s.took = append(s.took, e.At.Sub(left))
	}
}

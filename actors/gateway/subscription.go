package gateway

import (
	"sync"
	"sync/atomic"

	"github.com/tetherws/tether/messages"
)

// Subscription is a listener to a [Feed]. Its methods may be called from any
// goroutine.
type Subscription struct {
	feed *Feed
	keep func(messages.Event) bool
	lost atomic.Uint64

	mu     sync.Mutex // held to send and to close
	events chan messages.Event
	closed bool
}

// Events is the channel of the events; those of one connection are in order.
// It is closed by Close, behind what it still holds.
func (s *Subscription) Events() <-chan messages.Event { return s.events }

// Lost is how many events found the buffer full and were lost so far.
func (s *Subscription) Lost() uint64 { return s.lost.Load() }

// Close ends the subscription. It does not block; again is no error.
func (s *Subscription) Close() {
	s.feed.remove(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.events)
	}
}

// offer passes e on if it is wanted and there is room.
func (s *Subscription) offer(e messages.Event) {
	if s.keep != nil && !s.keep(e) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	select {
	case s.events <- e:
	default:
		s.lost.Add(1)
		s.feed.lost.Add(1)
	}
}

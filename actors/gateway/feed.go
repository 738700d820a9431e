package gateway

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tetherws/tether/messages"
)

// Feed passes the events of a fleet on to whoever listens, and remembers how
// long drops lasted. The zero value works. Its methods may be called from any
// goroutine. It must not be copied.
type Feed struct {
	outages outages

	listeners atomic.Pointer[[]*Subscription] // replaced, never changed
	mu        sync.Mutex                      // held to replace them
	lost      atomic.Uint64
}

// Publish takes an event: it is for [actors.Config].OnEvent, and never blocks.
// Those of one connection come in order, one at a time.
func (f *Feed) Publish(e messages.Event) {
	if t, ok := e.(messages.EventTransition); ok {
		f.outages.note(t)
	}
	for _, s := range f.listening() {
		s.offer(e)
	}
}

// Subscribe returns the events from now on that keep says true to, as far as
// the buffer holds them; nil keeps all. A buffer below 1 is 1. keep must not
// block, and may be called from several goroutines at once. Close ends the
// subscription.
func (f *Feed) Subscribe(buffer int, keep func(messages.Event) bool) *Subscription {
	s := &Subscription{feed: f, keep: keep, events: make(chan messages.Event, max(1, buffer))}
	f.mu.Lock()
	defer f.mu.Unlock()
	all := append(slices.Clip(f.listening()), s)
	f.listeners.Store(&all)
	return s
}

// Lost is how many events found a full buffer, over all subscriptions.
func (f *Feed) Lost() uint64 { return f.lost.Load() }

// Outages is how long connections were down before they opened again: from a
// drop to the next opening, whatever lies between. Those that never opened,
// first or again, are not in it. Its bounds are from 1 ms to 1 h.
func (f *Feed) Outages() messages.Durations { return f.outages.durations() }

func (f *Feed) listening() []*Subscription {
	if all := f.listeners.Load(); all != nil {
		return *all
	}
	return nil
}

func (f *Feed) remove(s *Subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(f.listening()), func(each *Subscription) bool { return each == s })
	f.listeners.Store(&rest)
}

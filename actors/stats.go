package actors

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetherws/tether/messages"
)

// Stats returns the counts of the moment, over all connections. It does not
// look at each, and does not wait for any.
func (m *Manager) Stats() messages.Stats {
	s := messages.Stats{RTT: messages.NewDurations(leastRTT, mostRTT)}
	for i := range m.totals {
		m.totals[i].addTo(&s)
	}
	return s
}

// The bounds of Stats.RTT.
const (
	leastRTT = 100 * time.Microsecond
	mostRTT  = time.Minute
)

// totals are the counts over all connections. As many connections change them
// at once, they are in shards, like the table.
type totals [shards]total

// total is a shard of the totals. What different goroutines add to has cache
// lines of its own.
type total struct {
	admitted atomic.Uint64 // by senders
	_        [56]byte

	writtenBytes atomic.Uint64 // by actors
	outcomes     [messages.OutcomeUndelivered + 1]atomic.Uint64
	_            [56]byte

	received, receivedBytes atomic.Uint64 // by readers
	_                       [48]byte

	mu   sync.Mutex
	held messages.Stats // the rest of it, which changes seldom
	_    [64]byte
}

func (t *totals) of(id messages.ID) *total { return &t[id[15]%shards] }

// moved counts a change of state. A connection that never came to be is as if
// it had not been.
func (t *total) moved(to messages.Transition, aborted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if to.From != 0 {
		t.held.Connections[to.From]--
	}
	switch {
	case to.To != messages.Closed:
		t.held.Connections[to.To]++
	case !aborted:
		t.held.Closed++
	}
	if to.To == messages.Open {
		t.held.Opened++
	}
	if to.Dropped() {
		t.held.Dropped++
	}
}

// answered counts the round trip of a ping.
func (t *total) answered(rtt time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held.RTT.Counts == nil {
		t.held.RTT = messages.NewDurations(leastRTT, mostRTT)
	}
	t.held.RTT.Observe(rtt)
}

// addTo adds t to s. Outcomes are read before what they are the outcomes of.
func (t *total) addTo(s *messages.Stats) {
	t.mu.Lock()
	s.Add(t.held)
	t.mu.Unlock()
	for i := range t.outcomes {
		s.Outcomes[i] += t.outcomes[i].Load()
	}
	s.Admitted += t.admitted.Load()
	s.WrittenBytes += t.writtenBytes.Load()
	s.Received += t.received.Load()
	s.ReceivedBytes += t.receivedBytes.Load()
}

// told is what the totals know of how a connection's messages ended.
type told struct {
	outcomes     [messages.OutcomeUndelivered + 1]uint64
	writtenBytes uint64
}

// publish tells the totals what they do not know yet: once for a batch. mu is
// held.
func (r *record) publish() {
	if !r.untold && r.told.writtenBytes == r.outbox.written {
		return
	}
	t := r.m.totals.of(r.id)
	for i, n := range r.counts.outcomes {
		if n != r.told.outcomes[i] {
			t.outcomes[i].Add(n - r.told.outcomes[i])
		}
	}
	t.writtenBytes.Add(r.outbox.written - r.told.writtenBytes)
	r.told, r.untold = told{r.counts.outcomes, r.outbox.written}, false
}

// received counts an inbound data message. What still comes to a closed
// connection, of which the last snapshot was taken, is not counted. mu is held.
func (r *record) received(msg messages.Message) {
	if r.state == messages.Closed {
		return
	}
	r.counts.received++
	t := r.m.totals.of(r.id)
	t.received.Add(1)
	t.receivedBytes.Add(uint64(len(msg.Data)))
}

package gateway

import (
	"sync"
	"time"

	"github.com/tetherws/tether/messages"
)

// outages measures how long connections are down. It remembers those that are,
// and no others.
type outages struct {
	mu    sync.Mutex
	since map[messages.ID]time.Time // of the drop
	ended messages.Durations
}

// The bounds of Feed.Outages.
const (
	leastOutage = time.Millisecond
	mostOutage  = time.Hour
)

// note begins an outage at a drop and ends it at the opening, or with the
// connection.
func (o *outages) note(t messages.EventTransition) {
	switch t.To {
	case messages.Open:
		o.end(t.ID, t.At)
	case messages.Closed:
		o.forget(t.ID)
	case messages.Backoff, messages.Parked, messages.Detached:
		if t.Dropped() {
			o.begin(t.ID, t.At)
		}
	}
}

func (o *outages) begin(id messages.ID, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since == nil {
		o.since = make(map[messages.ID]time.Time)
	}
	o.since[id] = at
}

func (o *outages) end(id messages.ID, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	since, down := o.since[id]
	if !down {
		return
	}
	delete(o.since, id)
	if o.ended.Counts == nil {
		o.ended = messages.NewDurations(leastOutage, mostOutage)
	}
	o.ended.Observe(at.Sub(since))
}

func (o *outages) forget(id messages.ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.since, id)
}

// durations returns a copy of the histogram.
func (o *outages) durations() messages.Durations {
	all := messages.NewDurations(leastOutage, mostOutage)
	o.mu.Lock()
	defer o.mu.Unlock()
	all.Add(o.ended)
	return all
}

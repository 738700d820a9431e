package drops

import (
	"time"

	"github.com/tetherws/tether/messages"
)

// footing is where a connection stands, as far as the outcomes of its messages
// depend on it.
type footing struct {
	state  messages.State
	isDown bool          // it has no socket
	up     time.Duration // when it last got one
	fallen time.Duration // when it was last left without
	lost   time.Duration // when the latest attempt or socket failed
	drops  int           // of open sockets, for what may be a message's fault
}

func (f *footing) move(at time.Duration, t messages.EventTransition) {
	switch {
	case t.To == messages.Open:
		f.isDown, f.up = false, at
	case t.To != messages.Closing && t.To != messages.Closed && !f.isDown:
		f.isDown, f.fallen = true, at
	}
	if t.To == messages.Backoff || t.To == messages.Parked || t.To == messages.Detached {
		f.lost = at
		if t.From == messages.Open && !innocent(t.Cause) {
			f.drops++
		}
	}
	f.state = t.To
}

// wasDown reports whether the connection had no socket throughout the instant,
// or from its end on.
func (f *footing) wasDown(then time.Duration) bool {
	return f.fallen <= then && (f.isDown || f.up > then)
}

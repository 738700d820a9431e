package messages

// State is where a connection stands in its life.
type State uint8

const (
	// Connecting waits for the governor, or dials and shakes hands, or logs in.
	Connecting State = iota + 1
	// Open is when frames flow.
	Open
	// Backoff is down; the next attempt has a time.
	Backoff
	// Parked is down for a cause that retrying fast will not cure. It is
	// probed slowly, and at once on a Retry.
	Parked
	// Detached is an accepted client that is gone, whose ID waits for it.
	Detached
	// Closing has the close handshake under way, with a deadline.
	Closing
	// Closed is final. No timer, goroutine or socket of the connection remains.
	Closed

	states = iota + 1 // how many there are, with the zero one
)

var stateNames = [states]string{
	"none", "connecting", "open", "backoff", "parked", "detached", "closing", "closed",
}

// transitions lists the legal moves. The zero State stands for a connection
// that is not registered yet.
var transitions = [states]set{
	0:          of(Connecting),
	Connecting: of(Open, Backoff, Parked, Closed),
	Open:       of(Backoff, Parked, Detached, Closing, Closed),
	Backoff:    of(Connecting, Closed),
	Parked:     of(Connecting, Closed),
	Detached:   of(Open, Closed),
	Closing:    of(Closed),
	Closed:     of(),
}

type set uint16

func of(ss ...State) (s set) {
	for _, each := range ss {
		s |= 1 << each
	}
	return s
}

// To reports whether a connection may go from s to next.
func (s State) To(next State) bool {
	return int(s) < states && transitions[s]&(1<<next) != 0
}

// String returns the state's name in lower case; "none" for the zero State.
func (s State) String() string {
	if int(s) < states {
		return stateNames[s]
	}
	return "invalid"
}

// MarshalText implements encoding.TextMarshaler with the form of String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

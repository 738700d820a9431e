package drops

import (
	"time"

	"github.com/tetherws/tether/messages"
)

// Observation is the sealed set of what a [Simulation] shows to its invariants:
// what it does, what the fleet says of itself, and what the server and the
// network see. Connections are numbered from 0, the sockets of each from 1.
type Observation interface{ observation() }

type (
	// Began says that the fleet is about to be asked to dial the connection.
	Began struct{ Conn int }

	// Dialed says that the fleet dials the network. Socket is 0 where the dial
	// fails by a DialFault.
	Dialed struct{ Conn, Socket int }

	// Accepted says that the server has answered the handshake with an upgrade.
	// Live are the connection's other sockets that the fleet's side has neither
	// closed nor half-closed, and that were not reset.
	Accepted struct {
		Conn, Socket int
		Live         []int
	}

	// Arrived says that the server has read the message of that number.
	Arrived struct {
		Conn, Socket int
		Number       uint64
	}

	// Refused says that a Refusal is about to answer the handshake in place of
	// the server.
	Refused struct{ Conn, Socket int }

	// Ended says that the server's reads of the socket have ended with Err.
	Ended struct {
		Conn, Socket int
		Err          error
	}

	// Sent says that the fleet is about to be given a message. Number counts
	// those of the connection from 1, and is the text that the server reads. It
	// is followed by Admitted, maybe after what it brings about.
	Sent struct {
		Conn    int
		Number  uint64
		Message messages.Message
	}

	// Admitted says that Send has returned Err for the message. When it is not
	// nil the number is used again for the next one.
	Admitted struct {
		Conn   int
		Number uint64
		Err    error
	}

	// Struck says that a step was done; Err is why it had no effect. Socket is
	// the one that it happened to; 0 if none.
	Struck struct {
		Step
		Socket int
		Err    error
	}

	// Healed says that what lasted on the socket has ended, by the step's time,
	// by another fault, or because the script is over.
	Healed struct{ Conn, Socket int }

	// Told says that the fleet has told an event.
	Told struct {
		Conn  int
		Event messages.Event
	}

	// Polled says that the fleet was asked for its Info. It is asked while
	// nothing moves.
	Polled struct {
		Conn int
		Info messages.Info
		Err  error
	}

	// Closing says that the fleet is about to be asked to close the connection;
	// when it has returned, Closed follows.
	Closing struct{ Conn int }

	// Closed says that Close has returned Err.
	Closed struct {
		Conn int
		Err  error
	}

	// Retried says that Retry was called, and returned Err.
	Retried struct {
		Conn int
		Err  error
	}

	// Calm says that the last fault is healed, and none will come.
	Calm struct{}

	// Due says that by now every connection must be back that was in Backoff, or
	// Parked, at the calm and is not closed for good.
	Due struct{}

	// Ending says that Shutdown is about to be called.
	Ending struct{}

	// Over says that Shutdown has returned Err, and the minute after it is over
	// for which closed connections are remembered. Left lists the goroutines of
	// the bubble beside the simulation's own, by their stacks. Open is how many
	// sockets the fleet had not closed when Shutdown returned.
	Over struct {
		Err  error
		Left []string
		Open int
	}
)

func (Began) observation()    {}
func (Dialed) observation()   {}
func (Accepted) observation() {}
func (Arrived) observation()  {}
func (Refused) observation()  {}
func (Ended) observation()    {}
func (Sent) observation()     {}
func (Admitted) observation() {}
func (Struck) observation()   {}
func (Healed) observation()   {}
func (Told) observation()     {}
func (Polled) observation()   {}
func (Closing) observation()  {}
func (Closed) observation()   {}
func (Retried) observation()  {}
func (Calm) observation()     {}
func (Due) observation()      {}
func (Ending) observation()   {}
func (Over) observation()     {}

// Invariant is what must hold throughout a simulation. A value belongs to one
// simulation, which calls it from one goroutine at a time, in the order in
// which things happen; what happens at one instant may come in any order.
type Invariant interface {
	// String names it, in a few words.
	String() string
	// Observe is shown what has happened, at the time from the simulation's
	// start. An error breaks the invariant; the simulation goes on.
	Observe(at time.Duration, o Observation) error
}

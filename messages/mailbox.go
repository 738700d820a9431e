package messages

// Mailbox is the sealed set of what a connection's mailbox receives. All but
// Send and Close carry the incarnation they belong to; a stale one is
// discarded.
type Mailbox interface{ mailbox() }

type (
	// Tick says that a heartbeat or a confirmation is due.
	Tick struct{ Incarnation uint64 }

	// Pong is a numbered pong: the peer has taken every byte that was written
	// before the ping, which was the Ping-th of its socket, and so the first
	// Number data messages.
	Pong struct {
		Incarnation uint64
		Number      uint64
		Ping        uint32
	}

	// Close asks for the close handshake with the code and reason that the
	// connection's record holds.
	Close struct{}

	// Send asks the registry to route Message to the connection ID. A request
	// is answered with [Sent]; a plain send has no answer.
	Send struct {
		ID      ID
		Message Message
	}

	// Flush says that the outbox, or an answer to the peer, waits to be
	// written.
	Flush struct{}

	// Failed says that the socket, or the attempt to get one, is gone for the
	// cause Err.
	Failed struct {
		Incarnation uint64
		Err         error
	}
)

func (Tick) mailbox()   {}
func (Pong) mailbox()   {}
func (Close) mailbox()  {}
func (Send) mailbox()   {}
func (Flush) mailbox()  {}
func (Failed) mailbox() {}

// Sent answers a request that carried a [Send]. Err is nil when the message
// was admitted, and otherwise what the manager's Send would have returned.
type Sent struct {
	ID  ID
	Err error
}

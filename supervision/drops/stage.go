package drops

import "time"

// Stage is where a [Script] is played: a [Simulation], a [Proxy], or one's own.
// Connections are numbered from 0; what a number means is the stage's business.
// The methods do not block. An error says that the step had no effect, such as
// one that matches net.ErrClosed where the connection is down.
type Stage interface {
	// Inject injects f into the connection, as Conn.InjectFor does.
	Inject(conn int, f Fault, d time.Duration) error
	// Refuse resets the connection, if it is up, and has r answer its next
	// handshake; all of them for d, if d is not zero.
	Refuse(conn int, r Refusal, d time.Duration) error
	// FailDial resets the connection, if it is up, and has its next dial fail
	// with f; all of them for d, if d is not zero.
	FailDial(conn int, f DialFault, d time.Duration) error
}

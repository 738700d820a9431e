package drops

// Fault is something that happens to a connection.
//
// Inject makes it happen to c's end. It may be called from anywhere and
// returns once the fault is in force; it does not block unless the fault's
// own doc says so. On a Conn that is closed or reset its error matches
// net.ErrClosed, or what ended the Conn. String names the fault and its
// parameters in the words that [Parse] reads.
type Fault interface {
	Inject(c *Conn) error
	String() string
}

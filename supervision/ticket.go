package supervision

import "container/list"

// Outcome is what became of a granted dial.
type Outcome uint8

const (
	// Answered: the server answered, even if with a refusal. The pool is alive.
	Answered Outcome = iota
	// Failed: a network error, a timeout, or a 502, 503 or 504.
	Failed
	// OursFailed: a failure of this side (out of files or memory, cancelled).
	// It counts against no pool.
	OursFailed
)

// Ticket is a place in a governor's queue.
type Ticket struct {
	governor *Governor
	pool     *pool
	granted  func(*Permit)
	place    *list.Element // in the pool's queue; nil once granted or cancelled
	begun    bool          // granted runs, or has run
}

// Cancel gives the place up. It reports whether granted will never run; if it
// says false, granted was begun and owes its Done. Anybody may call it, any
// number of times; it does not block.
func (t *Ticket) Cancel() bool { return t.governor.cancel(t) }

// Permit is the right to one dial.
type Permit struct {
	governor *Governor
	pool     *pool
	used     bool
}

// Done frees the place. It is to be called once for each grant, by anybody;
// later calls do nothing. It does not block.
func (p *Permit) Done(o Outcome) { p.governor.done(p, o) }

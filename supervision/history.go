package supervision

import "time"

// History is what a connection remembers of its failures. It is a value: each
// decision returns the next one and leaves the one passed as it was. The zero
// History is that of a connection that never failed.
type History struct {
	Attempt      int         // failures in a row since the last proven health
	Refreshed    bool        // the one immediate retry of a rule with Once was used
	MissingSince time.Time   // the first failure of the present streak under a rule with For (HTTP 404)
	Faults       []time.Time // what counts against the budget, oldest first
	// Unanswered counts the openings that failed because the peer answered no
	// ping. Other failures leave it; the caller sets it to 0 at a numbered pong.
	Unanswered int
	// Unconfirmed is how many messages wait for their confirmation. The caller
	// sets it before each decision.
	Unconfirmed int
}

// after returns the history with one failure more, under rule r.
func (h History) after(now time.Time, cause Cause, r Rule, b Budget) History {
	h.Attempt++
	h.Refreshed = h.Refreshed || r.Once
	if cause == CauseUnconfirmed {
		h.Unanswered++
	}
	switch {
	case r.For == 0:
		h.MissingSince = time.Time{}
	case h.MissingSince.IsZero():
		h.MissingSince = now
	}
	if r.Budget {
		h.Faults = b.spend(h.Faults, now)
	}
	return h
}

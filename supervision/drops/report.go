package drops

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Report is what came of a [Simulation].
type Report struct {
	Seed        uint64
	Length      time.Duration // from the start to the end
	Connections []Tally       // by their numbers
	Violations  []Violation   // the first 20 of each invariant
	Broken      int           // how many violations there were
	Cut         error         // why the simulation was cut short; nil if it was not
}

const mostViolations = 20 // of an invariant that a report keeps

func (r *Report) add(v Violation) {
	r.Broken++
	kept := 0
	for _, other := range r.Violations {
		if other.Invariant == v.Invariant {
			kept++
		}
	}
	if kept < mostViolations {
		r.Violations = append(r.Violations, v)
	}
}

// Violation is the break of an invariant.
type Violation struct {
	At        time.Duration // from the start
	Invariant string        // which one; "fleet" for what none may do
	Err       error
}

// Error implements error.
func (v Violation) Error() string { return fmt.Sprintf("%v: %s: %v", v.At, v.Invariant, v.Err) }

// Unwrap returns Err.
func (v Violation) Unwrap() error { return v.Err }

// Err returns nil if nothing was broken and the simulation was not cut short,
// and otherwise all of it with the seed.
func (r Report) Err() error {
	errs := []error{r.Cut}
	for _, v := range r.Violations {
		errs = append(errs, v)
	}
	if more := r.Broken - len(r.Violations); more > 0 {
		errs = append(errs, fmt.Errorf("and %d more", more))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("seed %d: %w", r.Seed, err)
	}
	return nil
}

// String tells what has happened to each connection, and how it fared. Two runs
// of one plan give the same text, but for the last line: how many messages
// arrived more than once is a matter of luck.
func (r Report) String() string {
	var b strings.Builder
	var sent, arrived uint64
	fmt.Fprintf(&b, "seed %d: %d connections, %v, %d violations\n", r.Seed, len(r.Connections), r.Length, r.Broken)
	for n, t := range r.Connections {
		fmt.Fprintf(&b, "connection %d: %v\n", n, t)
		for _, s := range t.Strikes {
			fmt.Fprintf(&b, "\t%v\n", s)
		}
		sent, arrived = sent+t.Sent, arrived+t.Arrived
	}
	fmt.Fprintf(&b, "messages (may differ): %d sent, %d arrived\n", sent, arrived)
	return b.String()
}

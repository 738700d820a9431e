package drops

import "strconv"

// Invariants returns all the invariants of this package, for one simulation of
// a fleet that was configured as e says. Each is also to be had alone.
func Invariants(e Expect) []Invariant {
	return []Invariant{
		OneSocket(), InOrder(), OneOutcome(), LegalMoves(), ClosedIsFinal(),
		SilenceFound(e), NoFalseAlarm(e), GovernorHeld(e), BackoffKept(e), BackedOff(e), BackInTime(e),
		CountsAddUp(), NothingLeft(),
	}
}

// perConn holds what an invariant knows of each connection, by its number.
type perConn[T any] []*T

func (p *perConn[T]) of(conn int) *T {
	for len(*p) <= conn {
		*p = append(*p, new(T))
	}
	return (*p)[conn]
}

// quote gives err as text: what breaks an invariant is not the error that it
// tells of, and must not be taken for it.
func quote(err error) string {
	if err == nil {
		return "nil"
	}
	return strconv.Quote(err.Error())
}

package drops

import (
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// LegalMoves holds that each transition begins where the one before has ended,
// and is in the table of [messages.State]; and that each return to Connecting
// begins the next incarnation, and nothing else does.
func LegalMoves() Invariant { return &legalMoves{} }

type legalMoves struct{ conns perConn[position] }

// position is where a connection stands.
type position struct {
	state       messages.State
	incarnation uint64
}

func (*legalMoves) String() string { return "legal moves" }

// Observe implements Invariant.
func (i *legalMoves) Observe(at time.Duration, o Observation) error {
	told, ok := o.(Told)
	if !ok {
		return nil
	}
	t, ok := told.Event.(messages.EventTransition)
	if !ok {
		return nil
	}
	p := i.conns.of(told.Conn)
	before := *p
	*p = position{t.To, t.Incarnation}
	what := fmt.Sprintf("connection %d: from %v to %v at %v", told.Conn, t.From, t.To, at)
	switch {
	case t.From != before.state:
		return fmt.Errorf("%s, and it was %v", what, before.state)
	case !t.From.To(t.To):
		return fmt.Errorf("%s is no legal move", what)
	case !follows(before.incarnation, t):
		return fmt.Errorf("%s, incarnation %d after %d", what, t.Incarnation, before.incarnation)
	}
	return nil
}

// follows reports whether a transition may have its incarnation. The first one
// begins after the connection was registered as Connecting, without a move.
func follows(before uint64, t messages.EventTransition) bool {
	switch {
	case t.From == 0:
		return t.Incarnation <= 1
	case t.To == messages.Connecting:
		return t.Incarnation == before+1
	}
	return t.Incarnation == before || before == 0 && t.Incarnation == 1
}

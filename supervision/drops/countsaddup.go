package drops

import (
	"errors"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// CountsAddUp holds that Info agrees with itself, as [messages.Info] says, and
// with what was told: the messages that Send has admitted, the outcomes, and
// the last transition.
func CountsAddUp() Invariant { return &countsAddUp{} }

type countsAddUp struct{ conns perConn[account] }

// account is what was told of a connection.
type account struct {
	admitted uint64
	outcomes [messages.OutcomeUndelivered + 1]uint64
	last     messages.EventTransition
}

func (*countsAddUp) String() string { return "counts add up" }

// Observe implements Invariant.
func (i *countsAddUp) Observe(at time.Duration, o Observation) error {
	switch o := o.(type) {
	case Admitted:
		if o.Err == nil {
			i.conns.of(o.Conn).admitted++
		}
	case Told:
		i.conns.of(o.Conn).told(o.Event)
	case Polled:
		if o.Err != nil && !errors.Is(o.Err, messages.ErrClosed) {
			return nil // there is no Info
		}
		if wrong := i.conns.of(o.Conn).audit(o.Info); wrong != nil {
			return fmt.Errorf("connection %d: Info at %v: %w", o.Conn, at, wrong)
		}
	}
	return nil
}

func (a *account) told(e messages.Event) {
	switch e := e.(type) {
	case messages.EventTransition:
		a.last = e
	case messages.EventOutcome:
		if int(e.Outcome) < len(a.outcomes) {
			a.outcomes[e.Outcome]++
		}
	}
}

func (a *account) audit(info messages.Info) error {
	return errors.Join(balanced(info), a.agrees(info), a.stands(info))
}

// balanced holds that what was admitted is somewhere.
func balanced(info messages.Info) error {
	if info.Queued < 0 || info.QueuedBytes < 0 || info.Unconfirmed < 0 {
		return fmt.Errorf("%d queued, %d bytes, %d unconfirmed", info.Queued, info.QueuedBytes, info.Unconfirmed)
	}
	if info.State == messages.Closed && info.Queued+info.Unconfirmed > 0 {
		return fmt.Errorf("closed, and %d queued, %d unconfirmed", info.Queued, info.Unconfirmed)
	}
	sum := uint64(info.Queued) + uint64(info.Unconfirmed)
	for _, c := range outcomeCounts(info) {
		sum += c
	}
	if sum != info.Admitted {
		return fmt.Errorf("%d admitted, and the sum of the others is %d", info.Admitted, sum)
	}
	return nil
}

// agrees holds that the counts are those of what was seen.
func (a *account) agrees(info messages.Info) error {
	var errs []error
	if info.Admitted != a.admitted {
		errs = append(errs, fmt.Errorf("%d admitted, and Send has admitted %d", info.Admitted, a.admitted))
	}
	for outcome, count := range outcomeCounts(info) {
		if count != a.outcomes[outcome] {
			errs = append(errs, fmt.Errorf("%d %v, and %d were told", count, messages.Outcome(outcome), a.outcomes[outcome]))
		}
	}
	return errors.Join(errs...)
}

// outcomeCounts is Info's, by outcome.
func outcomeCounts(info messages.Info) [messages.OutcomeUndelivered + 1]uint64 {
	return [...]uint64{
		messages.OutcomeWritten:     info.Written,
		messages.OutcomeConfirmed:   info.Confirmed,
		messages.OutcomeExpired:     info.Expired,
		messages.OutcomeReplaced:    info.Replaced,
		messages.OutcomeRefused:     info.Refused,
		messages.OutcomeWithdrawn:   info.Withdrawn,
		messages.OutcomeUndelivered: info.Undelivered,
	}
}

// stands holds that the connection stands where the last transition has led
// it. With a socket the count of failures may have been reset since; and the
// first incarnation begins without a transition.
func (a *account) stands(info messages.Info) error {
	t := a.last
	waits := t.To == messages.Backoff || t.To == messages.Parked
	var next time.Time
	if waits {
		next = t.At.Add(t.Delay)
	}
	switch {
	case info.State != t.To || !info.Since.Equal(t.At):
		return fmt.Errorf("%v since %v, and %v was told at %v", info.State, info.Since, t.To, t.At)
	case info.Attempt != t.Attempt && (info.Attempt != 0 || t.To != messages.Open && t.To != messages.Closing):
		return fmt.Errorf("%d failures, and %d were told", info.Attempt, t.Attempt)
	case info.Incarnation != t.Incarnation && (t.From != 0 || info.Incarnation != 1):
		return fmt.Errorf("incarnation %d, and %d was told", info.Incarnation, t.Incarnation)
	case !info.NextAttempt.Equal(next):
		return fmt.Errorf("the next attempt at %v, and %v was told", info.NextAttempt, next)
	}
	return nil
}

package supervision

import (
	"errors"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// Policy says what is done about a failure. The zero value of each field is
// its default; negative is an error.
type Policy struct {
	Backoff Backoff
	// HealthyAfter is how long after the opening a frame proves health, which
	// resets the backoff; zero is 10 s.
	HealthyAfter time.Duration
	// Probe is how often a parked connection is tried; zero is 5 minutes.
	Probe time.Duration
	// Budget bounds the faults of handlers and the violations of the protocol.
	Budget Budget
	// MaxRetryAfter caps what a Retry-After may ask for; zero is 10 minutes.
	MaxRetryAfter time.Duration
	// Rules are looked at before the default table; the first match wins.
	Rules []Rule
}

// Action is what is done about a failure.
type Action uint8

const (
	// Retry tries again after a delay: state Backoff.
	Retry Action = iota
	// Park tries again at long intervals: state Parked.
	Park
)

// Verdict is the answer to one failure.
type Verdict struct {
	Action Action
	Delay  time.Duration // until the next attempt; of Park exactly the policy's Probe
	Hold   time.Duration // if positive, the whole pool waits this long
}

// SeedPolicy reconnects after a fixed 60 s for ever, whatever the cause.
func SeedPolicy() Policy {
	return Policy{
		Backoff: Backoff{Min: time.Minute, Max: time.Minute, NoJitter: true},
		Rules:   []Rule{{}},
	}
}

// Validate reports every bad field at once. Each error matches
// [messages.ErrInvalid] and names its field.
func (p Policy) Validate() error {
	err := errors.Join(
		p.Backoff.validate(),
		notNegative("HealthyAfter", p.HealthyAfter),
		notNegative("Probe", p.Probe),
		notNegative("Budget.Restarts", p.Budget.Restarts),
		notNegative("Budget.Window", p.Budget.Window),
		notNegative("MaxRetryAfter", p.MaxRetryAfter),
	)
	for i, r := range p.Rules {
		err = errors.Join(err, r.validate(fmt.Sprintf("Rules[%d]", i)))
	}
	return err
}

// WithDefaults returns p with its defaults filled in, for those who read its
// fields. Values that Validate refuses count as zero. The default table is
// not added to Rules.
func (p Policy) WithDefaults() Policy {
	p.Backoff = p.Backoff.withDefaults()
	p.HealthyAfter = positive(p.HealthyAfter, 10*time.Second)
	p.Probe = positive(p.Probe, 5*time.Minute)
	p.Budget.Restarts = positive(p.Budget.Restarts, 5)
	p.Budget.Window = positive(p.Budget.Window, time.Minute)
	p.MaxRetryAfter = positive(p.MaxRetryAfter, 10*time.Minute)
	return p
}

// Decide returns what is done about a failure for cause at now, and the
// history that goes with it; u in [0,1) is the jitter. It is pure: anybody may
// call it at any time, and h is not changed.
func (p Policy) Decide(h History, now time.Time, cause error, u float64) (Verdict, History) {
	p = p.WithDefaults()
	class, code := Classify(cause)
	r := p.rule(class, code)
	next := h.after(now, class, r, p.Budget)
	switch {
	case p.parks(r, h, next, now):
		return Verdict{Action: Park, Delay: p.Probe}, next
	case r.Once:
		return Verdict{Action: Retry}, next
	}
	asked, hold := p.retryAfter(r, cause)
	delay := max(p.Backoff.Delay(h.Attempt, u), r.Floor, asked)
	return Verdict{Action: Retry, Delay: delay, Hold: hold}, next
}

// Healthy returns the history of a connection whose health was proven. Faults
// stay until their window has passed, and only a pong ends the count of the
// openings without one. It is pure.
func (p Policy) Healthy(h History) History {
	return History{Faults: h.Faults, Unanswered: h.Unanswered, Unconfirmed: h.Unconfirmed}
}

func (p Policy) rule(cause Cause, code int) Rule {
	for _, table := range [][]Rule{p.Rules, defaultRules} {
		for _, r := range table {
			if r.matches(cause, code) {
				return r
			}
		}
	}
	return Rule{}
}

// parks reports whether r is to park at the failure that led from h to next.
func (p Policy) parks(r Rule, h, next History, now time.Time) bool {
	switch {
	case r.Action == Park:
		return !r.Poison || h.Unconfirmed == 0
	case r.Once && h.Refreshed,
		r.For > 0 && now.Sub(next.MissingSince) >= r.For,
		r.Budget && p.Budget.spent(next.Faults),
		r.Openings > 0 && next.Unanswered >= r.Openings:
		return true
	}
	return false
}

// retryAfter returns how long the server asked this connection, and its whole
// pool, to stay away.
func (p Policy) retryAfter(r Rule, cause error) (alone, pool time.Duration) {
	var refused *messages.HandshakeError
	if r.RetryAfter == IgnoreRetryAfter || !errors.As(cause, &refused) {
		return 0, 0
	}
	alone = min(max(refused.RetryAfter, 0), p.MaxRetryAfter)
	if r.RetryAfter == HoldPool {
		pool = alone
	}
	return alone, pool
}

package supervision

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tetherws/tether/messages"
)

// Rule is one row of the restart table: which causes it is for, and what is
// done about them. The zero Rule retries every cause with backoff.
//
// The limits Once, For, Budget and Openings say when a rule that retries parks
// after all; of several, the first one reached does.
type Rule struct {
	Cause    Cause // the class; zero is CauseAny
	From, To int   // range of the status or code, both included; To zero is From alone, both zero any

	Action     Action
	Floor      time.Duration // the least delay of a retry; zero is none
	RetryAfter RetryAfter    // what is done about the header; zero is nothing

	Once     bool          // the first retry is at once, and the only one until health was proven
	For      time.Duration // how long a streak of such causes is retried; zero is without end
	Budget   bool          // the retries spend the policy's Budget
	Openings int           // the opening in a row that parks for CauseUnconfirmed; zero is none

	// Poison retries, in spite of Park, while messages wait for confirmation:
	// one of them may be what the peer does not take.
	Poison bool
}

// RetryAfter says whom the Retry-After of a refused handshake holds back.
type RetryAfter uint8

const (
	IgnoreRetryAfter RetryAfter = iota // nobody
	HoldConnection                     // the connection that was refused
	HoldPool                           // that one, and its whole pool by Verdict.Hold
)

// DefaultRules returns a copy of the default table. Its last row matches
// whatever the others do not.
func DefaultRules() []Rule { return slices.Clone(defaultRules) }

// The first match wins: the rows of one class go from the particular to the
// general.
var defaultRules = []Rule{
	{Cause: CauseHandshake, From: 401, Once: true},
	{Cause: CauseHandshake, From: 403, Once: true},
	{Cause: CauseHandshake, From: 404, For: time.Minute},
	{Cause: CauseHandshake, From: 408, RetryAfter: HoldConnection},
	{Cause: CauseHandshake, From: 425, RetryAfter: HoldConnection},
	{Cause: CauseHandshake, From: 429, RetryAfter: HoldConnection},
	{Cause: CauseHandshake, From: 503, RetryAfter: HoldPool},
	{Cause: CauseHandshake, From: 500, To: 599, RetryAfter: HoldConnection},
	{Cause: CauseHandshake, Action: Park},

	{Cause: CauseClose, From: 1000, To: 1001},
	{Cause: CauseClose, From: 1002, Action: Park},
	{Cause: CauseClose, From: 1003, Action: Park, Poison: true},
	{Cause: CauseClose, From: 1005, To: 1006},
	{Cause: CauseClose, From: 1007, To: 1009, Action: Park, Poison: true},
	{Cause: CauseClose, From: 1010, Action: Park},
	{Cause: CauseClose, From: 1011, To: 1012},
	{Cause: CauseClose, From: 1013, Floor: 30 * time.Second},
	{Cause: CauseClose, From: 3000, To: 3499},
	{Cause: CauseClose, From: 3500, To: 3999, Action: Park},
	{Cause: CauseClose, From: 4401, Once: true},
	{Cause: CauseClose, From: 4000, To: 4499},
	{Cause: CauseClose, From: 4500, To: 4999, Action: Park},
	{Cause: CauseClose, Budget: true}, // reserved or unknown

	{Cause: CauseProtocol, Budget: true},
	{Cause: CauseHandler, Budget: true},
	{Cause: CauseCertificate, Action: Park},
	{Cause: CausePermanent, Action: Park},
	{Cause: CauseUnconfirmed, Openings: 3},
	{},
}

func (r Rule) matches(cause Cause, code int) bool {
	if r.Cause != CauseAny && r.Cause != cause {
		return false
	}
	return r.From == 0 && r.To == 0 || r.From <= code && code <= max(r.From, r.To)
}

func (r Rule) validate(name string) error {
	err := errors.Join(
		notNegative(name+".From", r.From),
		notNegative(name+".To", r.To),
		notNegative(name+".Floor", r.Floor),
		notNegative(name+".For", r.For),
		notNegative(name+".Openings", r.Openings),
	)
	if r.To != 0 && r.To < r.From {
		err = errors.Join(err, fmt.Errorf("%w: %s.To is %d, below From of %d", messages.ErrInvalid, name, r.To, r.From))
	}
	if r.Cause >= causes || r.Action > Park || r.RetryAfter > HoldPool {
		err = errors.Join(err, fmt.Errorf("%w: %s has an unknown Cause, Action or RetryAfter", messages.ErrInvalid, name))
	}
	return err
}

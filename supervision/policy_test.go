package supervision_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

var epoch = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func closed(code int) error { return &messages.PeerCloseError{Code: code} }

func refused(status int, after ...time.Duration) error {
	e := &messages.HandshakeError{Status: status, Err: errors.New("bad handshake")}
	for _, d := range after {
		e.RetryAfter = d
	}
	return e
}

func violation(code int) error { return &messages.ProtocolError{Code: code, Err: io.ErrUnexpectedEOF} }
func fault(err error) error    { return &messages.HandlerError{Err: err} }

const (
	never   = -1
	minute  = time.Minute
	retry   = supervision.Retry
	park    = supervision.Park
	average = 0.5
)

// How a class of causes is told from the others: what the first failure gives,
// and when, if failures follow every second, the connection parks.
type fate struct {
	first  supervision.Verdict
	parked int // the failure in a row that parks, from 1
}

var (
	retried  = fate{supervision.Verdict{Delay: 250 * time.Millisecond}, never}
	parked   = fate{supervision.Verdict{Action: park, Delay: 5 * minute}, 1}
	once     = fate{supervision.Verdict{}, 2}
	budgeted = fate{supervision.Verdict{Delay: 250 * time.Millisecond}, 6}
	missing  = fate{supervision.Verdict{Delay: 250 * time.Millisecond}, 61}
	floored  = fate{supervision.Verdict{Delay: 30 * time.Second}, never}
	thrice   = fate{supervision.Verdict{Delay: 250 * time.Millisecond}, 3}
)

func asked(d time.Duration) fate { return fate{supervision.Verdict{Delay: d}, never} }
func held(d time.Duration) fate  { return fate{supervision.Verdict{Delay: d, Hold: d}, never} }

func TestEveryRowOfTheTable(t *testing.T) {
	type row struct {
		cause error
		want  fate
	}
	rows := []row{
		{nil, retried},
		{io.EOF, retried},
		{context.DeadlineExceeded, retried},
		{messages.ErrHeartbeatTimeout, retried},
		{fmt.Errorf("reading: %w", messages.ErrHeartbeatTimeout), retried},
		{refused(429, 7*time.Second), asked(7 * time.Second)},
		{refused(503, 7*time.Second), held(7 * time.Second)},
		{refused(503, time.Hour), held(10 * minute)},
		{refused(429, time.Hour), asked(10 * minute)},
		{refused(429, math.MaxInt64), asked(10 * minute)},
		{refused(429, -time.Second), retried},
		{refused(408, 7*time.Second), asked(7 * time.Second)},
		{refused(425, 7*time.Second), asked(7 * time.Second)},
		{refused(500, 7*time.Second), asked(7 * time.Second)},
		{refused(599, 7*time.Second), asked(7 * time.Second)},
		{refused(404), missing},
		{refused(403, time.Hour), once},
		{x509.UnknownAuthorityError{}, parked},
		{fmt.Errorf("dial: %w", x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}), parked},
		{x509.CertificateInvalidError{Cert: &x509.Certificate{}}, parked},
		{&tls.CertificateVerificationError{Err: io.EOF}, parked},
		{messages.Permanent(io.EOF), parked},
		{fault(messages.Permanent(io.EOF)), parked},
		{fmt.Errorf("%w: bad URL", messages.ErrInvalid), parked},
		{violation(1002), budgeted},
		{violation(1007), budgeted},
		{violation(1009), budgeted},
		{fault(io.EOF), budgeted},
		{fault(&messages.PanicError{Value: "oops"}), budgeted},
		{fault(fmt.Errorf("deliver: %w", messages.ErrUnconfirmed)), budgeted},
		{fault(messages.ErrInvalid), budgeted},
		{fault(refused(401)), budgeted},
		{messages.ErrHandlerStalled, budgeted},
		{fmt.Errorf("ping: %w", messages.ErrUnconfirmed), thrice},
	}
	for want, codes := range map[*fate][]int{
		&retried: {408, 425, 429, 500, 501, 502, 503, 504, 599},
		&once:    {401, 403},
		&parked:  {0, 101, 200, 301, 302, 400, 402, 405, 409, 410, 426, 451, 499, 600},
	} {
		for _, code := range codes {
			rows = append(rows, row{refused(code), *want})
		}
	}
	for want, codes := range map[*fate][]int{
		&retried:  {1000, 1001, 1005, 1006, 1011, 1012, 3000, 3499, 4000, 4400, 4402, 4499},
		&once:     {4401},
		&floored:  {1013},
		&parked:   {1002, 1003, 1007, 1008, 1009, 1010, 3500, 3999, 4500, 4999},
		&budgeted: {0, 999, 1004, 1014, 1015, 1016, 2999, 5000, math.MaxInt},
	} {
		for _, code := range codes {
			rows = append(rows, row{closed(code), *want})
		}
	}
	for i, r := range rows {
		t.Run(fmt.Sprint(i, " ", r.cause), func(t *testing.T) { follow(t, r.cause, r.want) })
	}
}

// follow fails a new connection for cause every second until it has parked.
func follow(t *testing.T, cause error, want fate) {
	t.Helper()
	var p supervision.Policy
	var h supervision.History
	var v supervision.Verdict
	for n := 1; n <= 100; n++ {
		v, h = p.Decide(h, epoch.Add(time.Duration(n)*time.Second), cause, average)
		if n == 1 && v != want.first {
			t.Errorf("first verdict %+v, want %+v", v, want.first)
		}
		if got := v.Action == park; got != (n == want.parked) {
			t.Fatalf("failure %d: parked is %v, want it at %d", n, got, want.parked)
		}
		if v.Action == park {
			return
		}
		if h.Attempt != n {
			t.Fatalf("failure %d: attempt is %d", n, h.Attempt)
		}
	}
}

func TestBackoffGrowsUntilHealthIsProven(t *testing.T) {
	var p supervision.Policy
	var h supervision.History
	decide := func() time.Duration {
		var v supervision.Verdict
		v, h = p.Decide(h, epoch, io.EOF, average)
		return v.Delay
	}
	var got []time.Duration
	for range 3 {
		got = append(got, decide())
	}
	h = p.Healthy(h)
	got = append(got, decide())
	const first = 250 * time.Millisecond
	if want := []time.Duration{first, 2 * first, 4 * first, first}; !slices.Equal(got, want) {
		t.Errorf("delays %v, want %v", got, want)
	}
}

func TestRefreshIsUsedOnceUntilHealthIsProven(t *testing.T) {
	var p supervision.Policy
	var h supervision.History
	for i, step := range []struct {
		cause   error
		healthy bool
		want    supervision.Verdict
	}{
		{refused(401), false, supervision.Verdict{}},
		{io.EOF, false, supervision.Verdict{Delay: 500 * time.Millisecond}},
		{refused(403), false, supervision.Verdict{Action: park, Delay: 5 * minute}},
		{closed(4401), false, supervision.Verdict{Action: park, Delay: 5 * minute}},
		{closed(4401), true, supervision.Verdict{}},
	} {
		if step.healthy {
			h = p.Healthy(h)
		}
		var v supervision.Verdict
		if v, h = p.Decide(h, epoch, step.cause, average); v != step.want {
			t.Errorf("step %d: %+v, want %+v", i, v, step.want)
		}
	}
}

func TestMissingIsAStreak(t *testing.T) {
	var p supervision.Policy
	var h supervision.History
	var v supervision.Verdict
	for i, step := range []struct {
		at    time.Duration
		cause error
		want  supervision.Action
	}{
		{0, refused(404), retry},
		{minute - 1, refused(404), retry},
		{minute, refused(404), park},
		{6 * minute, refused(404), park},
		{11 * minute, refused(502), retry},
		{12 * minute, refused(404), retry},
		{13*minute - 1, refused(404), retry},
		{13 * minute, refused(404), park},
	} {
		if v, h = p.Decide(h, epoch.Add(step.at), step.cause, average); v.Action != step.want {
			t.Errorf("step %d: action %d, want %d", i, v.Action, step.want)
		}
	}
	if _, h = p.Decide(p.Healthy(h), epoch.Add(20*minute), refused(404), 0); h.MissingSince != epoch.Add(20*minute) {
		t.Errorf("streak since %v", h.MissingSince)
	}
}

func TestPoisonRetriesWhileMessagesAreUnconfirmed(t *testing.T) {
	var p supervision.Policy
	for code, spares := range map[int]bool{1003: true, 1007: true, 1008: true, 1009: true, 1002: false, 1010: false, 4500: false} {
		h := supervision.History{Unconfirmed: 1}
		v, h := p.Decide(h, epoch, closed(code), average)
		if got := v == retried.first; got != spares {
			t.Errorf("close %d with a message unconfirmed: %+v", code, v)
		}
		h.Unconfirmed = 0
		if v, _ = p.Decide(h, epoch, closed(code), average); v != parked.first {
			t.Errorf("close %d with none unconfirmed: %+v", code, v)
		}
	}
}

func TestUnansweredSurvivesOtherCauses(t *testing.T) {
	var p supervision.Policy
	var h supervision.History
	var v supervision.Verdict
	for _, cause := range []error{messages.ErrUnconfirmed, io.EOF, messages.ErrUnconfirmed, closed(1006)} {
		if v, h = p.Decide(h, epoch, cause, average); v.Action != retry {
			t.Fatalf("parked by %v", cause)
		}
	}
	if v, _ = p.Decide(h, epoch, messages.ErrUnconfirmed, average); v.Action != park {
		t.Error("not parked by the third")
	}
	if v, _ = p.Decide(p.Healthy(h), epoch, messages.ErrUnconfirmed, average); v.Action != park {
		t.Error("not parked although only frames came, and no pong")
	}
	h.Unanswered = 0 // a numbered pong
	if v, _ = p.Decide(h, epoch, messages.ErrUnconfirmed, average); v.Action != retry {
		t.Error("parked although a pong came")
	}
}

func TestBudgetForgetsWhatIsOutsideItsWindow(t *testing.T) {
	p := supervision.Policy{Budget: supervision.Budget{Restarts: 2, Window: 10 * time.Second}}
	var h supervision.History
	var v supervision.Verdict
	for i, step := range []struct {
		at   time.Duration
		want supervision.Action
	}{
		{0, retry},
		{9 * time.Second, retry},
		{10 * time.Second, retry}, // the first has left
		{18 * time.Second, park},
		{28 * time.Second, retry},
	} {
		h = p.Healthy(h) // which spares the faults
		if v, h = p.Decide(h, epoch.Add(step.at), fault(io.EOF), average); v.Action != step.want {
			t.Errorf("step %d: action %d, want %d", i, v.Action, step.want)
		}
	}
}

func TestDecideLeavesTheHistoryPassed(t *testing.T) {
	var p supervision.Policy
	faults := make([]time.Time, 2, 10)
	faults[0], faults[1] = epoch, epoch
	h := supervision.History{Faults: faults}
	_, a := p.Decide(h, epoch.Add(1), fault(io.EOF), 0)
	_, b := p.Decide(h, epoch.Add(2), fault(io.EOF), 0)
	if len(h.Faults) != 2 || a.Faults[2] != epoch.Add(1) || b.Faults[2] != epoch.Add(2) {
		t.Errorf("%v, then %v and %v", h.Faults, a.Faults, b.Faults)
	}
}

func TestRulesComeBeforeTheTable(t *testing.T) {
	p := supervision.Policy{Rules: []supervision.Rule{
		{Cause: supervision.CauseHandshake, From: 404, Action: park},
		{Cause: supervision.CauseHandshake, From: 500, To: 503, Floor: minute},
		{Cause: supervision.CauseHandshake, From: 410, For: time.Second},
		{Cause: supervision.CauseNetwork, Action: park},
	}}
	for _, c := range []struct {
		cause error
		want  supervision.Verdict
	}{
		{refused(404), parked.first},
		{refused(503, 2*minute), supervision.Verdict{Delay: minute}}, // the rule ignores Retry-After
		{refused(504), retried.first},
		{refused(410), retried.first},
		{refused(401), once.first},
		{io.EOF, parked.first},
		{closed(1006), retried.first},
	} {
		if v, _ := p.Decide(supervision.History{}, epoch, c.cause, average); v != c.want {
			t.Errorf("%v: %+v, want %+v", c.cause, v, c.want)
		}
	}
}

func TestDefaultRulesIsACopy(t *testing.T) {
	supervision.DefaultRules()[0] = supervision.Rule{}
	if supervision.DefaultRules()[0] == (supervision.Rule{}) {
		t.Error("the table itself was changed")
	}
}

func TestSeedPolicyReconnectsEveryMinuteForEver(t *testing.T) {
	p := supervision.SeedPolicy()
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	var h supervision.History
	for n := range 1000 {
		cause := fuzzed[n%len(fuzzed)]
		var v supervision.Verdict
		v, h = p.Decide(h, epoch.Add(time.Duration(n)), cause, 0.9)
		if want := (supervision.Verdict{Delay: minute}); v != want {
			t.Fatalf("failure %d (%v): %+v", n, cause, v)
		}
	}
}

func TestValidateNamesEveryBadField(t *testing.T) {
	p := supervision.Policy{
		Backoff:      supervision.Backoff{Min: -1, Max: -1, Factor: 0.5},
		HealthyAfter: -1, Probe: -1, MaxRetryAfter: -1,
		Budget: supervision.Budget{Restarts: -1, Window: -1},
		Rules: []supervision.Rule{
			{},
			{From: -1, To: -1, Floor: -1, For: -1, Openings: -1},
			{From: 500, To: 400},
			{Cause: 200},
		},
	}
	err := p.Validate()
	if !errors.Is(err, messages.ErrInvalid) {
		t.Fatalf("%v does not match ErrInvalid", err)
	}
	lines := strings.Split(err.Error(), "\n")
	for _, field := range []string{
		"Backoff.Min", "Backoff.Max", "Backoff.Factor", "HealthyAfter", "Probe", "MaxRetryAfter",
		"Budget.Restarts", "Budget.Window",
		"Rules[1].From", "Rules[1].To", "Rules[1].Floor", "Rules[1].For", "Rules[1].Openings", "Rules[2].To", "Rules[3]",
	} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "invalid: "+field+" ") }) {
			t.Errorf("%s is not named in:\n%v", field, err)
		}
	}
	for name, b := range map[string]supervision.Backoff{
		"Min over Max": {Min: 2, Max: 1}, "NaN": {Factor: math.NaN()}, "negative Factor": {Factor: -2},
	} {
		if (supervision.Policy{Backoff: b}).Validate() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if err := (supervision.Policy{Rules: supervision.DefaultRules()}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestWithDefaults(t *testing.T) {
	got := supervision.Policy{HealthyAfter: time.Second}.WithDefaults()
	if got.HealthyAfter != time.Second || got.Probe != 5*minute || got.MaxRetryAfter != 10*minute ||
		got.Budget != (supervision.Budget{Restarts: 5, Window: minute}) ||
		got.Backoff != (supervision.Backoff{Min: 500 * time.Millisecond, Max: minute, Factor: 2}) {
		t.Errorf("%+v", got)
	}
	if got := (supervision.Policy{}).WithDefaults().HealthyAfter; got != 10*time.Second {
		t.Errorf("HealthyAfter %v", got)
	}
}

// Causes of every class.
var fuzzed = []error{
	io.EOF, messages.ErrHeartbeatTimeout, refused(401), refused(404), refused(429, 5*minute), refused(503, time.Hour),
	refused(410), closed(1000), closed(1013), closed(1008), closed(4401), closed(4999), closed(1004), violation(1002),
	fault(io.EOF), messages.Permanent(io.EOF), x509.UnknownAuthorityError{}, messages.ErrUnconfirmed,
}

// Each byte is a failure: its low bits the cause, its high bit whether health
// was proven before.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte("a quick brown fox"), int64(time.Second), 0.5)
	f.Add([]byte{0, 5, 14, 14, 14, 14, 14, 14, 14, 17, 17, 17, 142, 8}, int64(0), 0.999)
	f.Fuzz(func(t *testing.T, failures []byte, apart int64, u float64) {
		if !(u >= 0 && u < 1) {
			u = 0.5
		}
		p := supervision.Policy{Backoff: supervision.Backoff{Max: 20 * time.Second}}
		var h supervision.History
		now := epoch
		for _, b := range failures {
			now = now.Add(time.Duration(max(apart, 0) % int64(time.Hour)))
			if b >= 128 {
				h = p.Healthy(h)
			}
			h.Unconfirmed = int(b>>6) & 1
			cause := fuzzed[int(b)%len(fuzzed)]
			v, next := p.Decide(h, now, cause, u)
			if again, _ := p.Decide(h, now, cause, u); again != v {
				t.Fatalf("%v: %+v, then %+v", cause, v, again)
			}
			check(t, cause, v)
			if next.Attempt != h.Attempt+1 || len(next.Faults) > 6 {
				t.Fatalf("%v: from %+v to %+v", cause, h, next)
			}
			h = next
		}
	})
}

func check(t *testing.T, cause error, v supervision.Verdict) {
	t.Helper()
	limit := 20 * time.Second
	var handshake *messages.HandshakeError
	var peer *messages.PeerCloseError
	if errors.As(cause, &handshake) {
		limit = max(limit, min(handshake.RetryAfter, 10*minute))
	}
	if errors.As(cause, &peer) && peer.Code == 1013 {
		limit = 30 * time.Second
	}
	switch {
	case v.Action == park && (v.Delay != 5*minute || v.Hold != 0),
		v.Action == retry && (v.Delay < 0 || v.Delay > limit),
		v.Hold < 0 || v.Hold > 10*minute:
		t.Fatalf("%v: %+v", cause, v)
	}
}

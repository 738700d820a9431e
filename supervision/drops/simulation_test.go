package drops_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// simulate runs the plan with a manager that has the config, and returns the
// report and what was observed.
func simulate(t *testing.T, plan drops.Plan, config actors.Config) (_ drops.Report, seen *film) {
	t.Helper()
	seen = &film{t: t}
	plan.Invariants = append(plan.Invariants, seen)
	return run(t, plan, config), seen
}

// run is simulate for those who need no film: that of a week is long.
func run(t *testing.T, plan drops.Plan, config actors.Config) (report drops.Report) {
	t.Helper()
	var fleet weak.Pointer[actors.Manager]
	synctest.Test(t, func(t *testing.T) {
		sim := must(drops.NewSimulation(plan))
		config.OnEvent = sim.OnEvent
		if config.Random == nil {
			config.Random = sim.Random
		}
		m := must(actors.New(config))
		fleet = weak.Make(m)
		report = sim.Run(t.Context(), m, func(n int) error {
			_, err := m.Dial(t.Context(), target(sim, n))
			return err
		})
		m, sim = nil, nil
		runtime.GC()
		if fleet.Value() != nil {
			t.Error("nothing left: something still holds the fleet, such as a timer")
		}
	})
	return report
}

func target(sim *drops.Simulation, n int) actors.Target {
	return actors.Target{
		ID: sim.ID(n), URL: sim.URL(n), Pool: "server",
		Dialer: &websocket.Dialer{NetDialContext: sim.DialContext},
	}
}

// film is an invariant that nothing breaks: it keeps what it is shown.
type film struct {
	t     *testing.T
	shots []shot
}

type shot struct {
	at time.Duration
	drops.Observation
}

func (f *film) String() string { return "film" }

func (f *film) Observe(at time.Duration, o drops.Observation) error {
	if n := len(f.shots); n > 0 && at < f.shots[n-1].at {
		f.t.Errorf("%#v at %v was shown after what happened at %v", o, at, f.shots[n-1].at)
	}
	f.shots = append(f.shots, shot{at, o})
	return nil
}

// of returns the observations of one kind, with their times.
func of[T drops.Observation](f *film) (times []time.Duration, all []T) {
	for _, s := range f.shots {
		if o, ok := s.Observation.(T); ok {
			times, all = append(times, s.at), append(all, o)
		}
	}
	return times, all
}

// when returns the times of a connection's transitions to the state.
func (f *film) when(conn int, to messages.State) (times []time.Duration) {
	for _, s := range f.shots {
		told, _ := s.Observation.(drops.Told)
		if e, ok := told.Event.(messages.EventTransition); ok && told.Conn == conn && e.To == to {
			times = append(times, s.at)
		}
	}
	return times
}

// middle is a jitter that makes each backoff half its ceiling, from 250 ms on,
// and the first beat come after half of Idle.
func middle(messages.ID) float64 { return 0.5 }

// quiet is a plan for one connection over which nothing is sent, so that
// instants can be foretold.
func quiet(steps ...drops.Step) drops.Plan {
	return drops.Plan{
		Script:  drops.Script{Seed: 1, Connections: 1, Length: 10 * time.Minute, Steps: steps},
		Message: 10000 * time.Hour, Poll: 10000 * time.Hour,
	}
}

func wantTimes(t *testing.T, what string, got []time.Duration, want ...time.Duration) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s at %v; want %v", what, got, want)
	}
}

func wantTally(t *testing.T, r drops.Report, conn int, want string) {
	t.Helper()
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	if got := r.Connections[conn].String(); got != want {
		t.Errorf("connection %d: %s; want %s", conn, got, want)
	}
}

func TestCleanScriptBreaksNothing(t *testing.T) {
	script := drops.Script{Seed: 3, Connections: 12, Length: 2 * time.Hour}
	r, seen := simulate(t, drops.Plan{Script: script}, actors.Config{})
	for n, c := range r.Connections {
		wantTally(t, r, n, "0 dropped, 0 attempts failed, 0 reconnects")
		if c.Opened != 1 || c.Sent < 50 || c.Arrived < c.Sent*9/10 || c.Arrived > c.Sent {
			t.Errorf("connection %d: %+v", n, c)
		}
	}
	if _, struck := of[drops.Struck](seen); len(struck) > 0 {
		t.Errorf("struck: %v", struck)
	}
	_, over := of[drops.Over](seen)
	if len(over) != 1 || over[0].Err != nil || over[0].Left != nil || over[0].Open != 0 {
		t.Errorf("over: %+v", over)
	}
}

func TestResetIsOneDropAndOneReconnect(t *testing.T) {
	r, seen := simulate(t, quiet(drops.Step{At: time.Minute, What: drops.Reset{}}), actors.Config{Random: middle})
	wantTally(t, r, 0, "1 dropped (1 cut), 0 attempts failed, 1 reconnects")
	began, _ := of[drops.Began](seen)
	back := time.Minute + 250*time.Millisecond
	wantTimes(t, "in backoff", seen.when(0, messages.Backoff), time.Minute)
	wantTimes(t, "open", seen.when(0, messages.Open), began[0], back)
	dialed, _ := of[drops.Dialed](seen)
	wantTimes(t, "dialed", dialed, began[0], back)
	times, accepted := of[drops.Accepted](seen)
	wantTimes(t, "accepted", times, began[0], back)
	if accepted[1].Socket != 2 || accepted[1].Live != nil {
		t.Errorf("accepted %+v", accepted)
	}
	ended, _ := of[drops.Ended](seen)
	wantTimes(t, "the first socket ended", ended[:1], time.Minute)
	if at, struck := of[drops.Struck](seen); at[0] != time.Minute || struck[0].Socket != 1 || struck[0].Err != nil {
		t.Errorf("struck at %v: %+v", at, struck)
	}
}

func TestSilenceIsFoundByTheHeartbeatAndHealedInTime(t *testing.T) {
	step := drops.Step{At: time.Minute, What: drops.Silence{}, For: 2 * time.Minute}
	r, seen := simulate(t, quiet(step), actors.Config{Random: middle})
	wantTally(t, r, 0, "1 dropped (1 silent), 0 attempts failed, 1 reconnects")
	began, _ := of[drops.Began](seen)
	beat := began[0] + 12*time.Second + 500*time.Millisecond + 2*25*time.Second // the first after the minute
	wantTimes(t, "in backoff", seen.when(0, messages.Backoff), beat+10*time.Second)
	times, healed := of[drops.Healed](seen)
	wantTimes(t, "healed", times, 3*time.Minute)
	if healed[0].Socket != 1 {
		t.Errorf("healed %+v", healed)
	}
	ended, _ := of[drops.Ended](seen) // the server reads the end when the silence is over
	wantTimes(t, "the first socket ended", ended[:1], 3*time.Minute)
}

func TestFaultIsHealedByTheNextOrByTheCalm(t *testing.T) {
	_, seen := simulate(t, quiet(
		drops.Step{At: 1 * time.Minute, What: drops.Stall{}, For: time.Hour},
		drops.Step{At: 1*time.Minute + 5*time.Second, What: drops.Stall{}, For: 2 * time.Second},
		drops.Step{At: 1*time.Minute + 6*time.Second, What: drops.Silence{Out: true}, For: time.Second},
		drops.Step{At: 10 * time.Minute, What: drops.Stall{}},
	), actors.Config{Random: middle})
	times, _ := of[drops.Healed](seen)
	wantTimes(t, "healed", times, 65*time.Second, 66*time.Second, 67*time.Second, 10*time.Minute)
}

func TestSocketThatIsGoneIsNotHealed(t *testing.T) {
	_, seen := simulate(t, quiet(drops.Step{At: 10*time.Minute - time.Millisecond, What: drops.Reset{}}), actors.Config{Random: middle})
	if _, healed := of[drops.Healed](seen); len(healed) > 0 {
		t.Errorf("healed %+v", healed)
	}
}

func TestFaultOutlivesTheEndOfTheOneBeforeIt(t *testing.T) {
	script := drops.Script{Seed: 1, Connections: 100, Length: 3 * time.Minute}
	for _, step := range []drops.Step{
		{At: time.Minute, What: drops.Stall{}, For: 5 * time.Second},
		{At: time.Minute + 5*time.Second, What: drops.Stall{}, For: 3 * time.Second}, // as the first one ends
	} {
		for n := range script.Connections {
			step.Conn = n
			script.Steps = append(script.Steps, step)
		}
	}
	_, seen := simulate(t, drops.Plan{Script: script}, actors.Config{})
	healed := make(map[int][]time.Duration)
	times, all := of[drops.Healed](seen)
	for i, h := range all {
		healed[h.Conn] = append(healed[h.Conn], times[i])
	}
	for n := range script.Connections {
		wantTimes(t, "healed", healed[n], 65*time.Second, 68*time.Second)
	}
}

func TestRefusalIsForTheNextHandshake(t *testing.T) {
	step := drops.Step{At: time.Minute, What: drops.Refuse{Status: http.StatusInternalServerError}}
	r, seen := simulate(t, quiet(step), actors.Config{Random: middle})
	wantTally(t, r, 0, "1 dropped (1 cut), 1 attempts failed, 1 reconnects")
	times, refused := of[drops.Refused](seen)
	wantTimes(t, "refused", times, time.Minute+250*time.Millisecond)
	if refused[0].Socket != 2 {
		t.Errorf("refused %+v", refused)
	}
	accepted, _ := of[drops.Accepted](seen)
	wantTimes(t, "back", accepted[1:], time.Minute+750*time.Millisecond)
}

func TestRefusalWithATimeIsForAllUntilThen(t *testing.T) {
	step := drops.Step{At: time.Minute, What: drops.Refuse{}, For: 2 * time.Second}
	r, seen := simulate(t, quiet(step), actors.Config{Random: middle})
	wantTally(t, r, 0, "1 dropped (1 cut), 3 attempts failed, 1 reconnects")
	times, _ := of[drops.Refused](seen)
	wantTimes(t, "refused", times, time.Minute+250*time.Millisecond, time.Minute+750*time.Millisecond, time.Minute+1750*time.Millisecond)
}

func TestDialFaultIsForTheNextDial(t *testing.T) {
	r, seen := simulate(t, quiet(drops.Step{At: time.Minute, What: drops.NoSuchHost{}}), actors.Config{Random: middle})
	wantTally(t, r, 0, "1 dropped (1 cut), 1 attempts failed, 1 reconnects")
	times, dialed := of[drops.Dialed](seen)
	wantTimes(t, "dialed", times[1:], time.Minute+250*time.Millisecond, time.Minute+750*time.Millisecond)
	if dialed[1].Socket != 0 || dialed[2].Socket != 2 {
		t.Errorf("dialed %+v", dialed)
	}
}

func TestUnansweredDialLastsAsLongAsTheHandshakeMay(t *testing.T) {
	r, seen := simulate(t, quiet(drops.Step{At: time.Minute, What: drops.Unanswered{}}), actors.Config{Random: middle})
	wantTally(t, r, 0, "1 dropped (1 cut), 1 attempts failed, 1 reconnects")
	wantTimes(t, "in backoff", seen.when(0, messages.Backoff), time.Minute, time.Minute+10250*time.Millisecond)
}

func TestStepsOnWhatIsDownHaveNoEffect(t *testing.T) {
	r, seen := simulate(t, quiet(
		drops.Step{At: time.Minute, What: drops.NoSuchHost{}, For: time.Minute},
		drops.Step{At: time.Minute + 1, What: drops.Reset{}},
	), actors.Config{})
	if _, struck := of[drops.Struck](seen); struck[1].Socket != 0 || !strings.HasSuffix(r.Connections[0].Strikes[1].String(), "reset: it was down") {
		t.Errorf("struck %+v: %v", struck, r.Connections[0].Strikes)
	}
}

func TestSocketThatOnlyTheServerStillHasIsDown(t *testing.T) {
	_, seen := simulate(t, quiet(
		drops.Step{At: time.Minute, What: drops.Silence{}},
		drops.Step{At: time.Minute + 12600*time.Millisecond, What: drops.Stall{}}, // in the backoff after it was found
	), actors.Config{Random: middle})
	if _, struck := of[drops.Struck](seen); struck[0].Socket != 1 || struck[1].Socket != 0 || !errors.Is(struck[1].Err, net.ErrClosed) {
		t.Errorf("struck %+v", struck)
	}
}

func TestStepsOnWhatIsClosedForGoodHaveNoEffect(t *testing.T) {
	script := drops.Script{Seed: 1, Connections: 10, Length: time.Hour}
	for i, what := range []drops.Happening{drops.Reset{}, drops.Refuse{}, drops.NoSuchHost{}} {
		script.Steps = append(script.Steps, drops.Step{At: time.Hour - 3 + time.Duration(i), Conn: 9, What: what})
	}
	r, seen := simulate(t, drops.Plan{Script: script}, actors.Config{})
	wantTally(t, r, 9, "0 dropped, 0 attempts failed, 0 reconnects")
	_, struck := of[drops.Struck](seen)
	for _, s := range struck {
		if s.Socket != 0 || !errors.Is(s.Err, net.ErrClosed) {
			t.Errorf("%v: %+v", s.What, s)
		}
	}
	if len(struck) != 3 {
		t.Errorf("%d steps", len(struck))
	}
}

func TestFramesAreInjectedLongAfterAPong(t *testing.T) {
	r, seen := simulate(t, quiet(drops.Step{At: 5 * time.Minute, What: drops.CloseCode{Code: 1012}}), actors.Config{})
	wantTally(t, r, 0, "1 dropped (1 close 1012), 0 attempts failed, 1 reconnects")
	wantTimes(t, "in backoff", seen.when(0, messages.Backoff), 5*time.Minute)
}

func TestFleetIsBackWhenDue(t *testing.T) {
	for seed := range uint64(4) {
		plan := drops.Plan{Script: mixed(seed, 10, time.Hour, 2*time.Minute)}
		r, seen := simulate(t, plan, actors.Config{})
		if err := r.Err(); err != nil {
			t.Error(err)
		}
		due, back := false, 0
		for _, s := range seen.shots {
			switch o := s.Observation.(type) {
			case drops.Due:
				due = true
			case drops.Polled:
				if due && o.Err == nil && o.Info.State != messages.Open {
					t.Errorf("seed %d: connection %d is %v", seed, o.Conn, o.Info.State)
				}
				back += count(due && o.Err == nil)
			}
		}
		if back != 2*8 { // two are closed for good
			t.Errorf("seed %d: %d were polled when due and at the end", seed, back)
		}
	}
}

func TestTheScriptIsFollowedByCalmRecoveryAndTheEnd(t *testing.T) {
	_, seen := simulate(t, quiet(
		drops.Step{At: 10 * time.Minute, What: drops.NoSuchHost{}, For: time.Hour},
	), actors.Config{})
	calm, _ := of[drops.Calm](seen)
	due, _ := of[drops.Due](seen)
	over, _ := of[drops.Over](seen)
	polled, infos := of[drops.Polled](seen)
	wantTimes(t, "calm", calm, 10*time.Minute)
	const recovery = 25*time.Second + 10*time.Second + 10*time.Second + time.Minute + 10*time.Second + 4*time.Millisecond + 10*time.Second
	wantTimes(t, "due", due, calm[0]+1+recovery+5*time.Minute)
	wantTimes(t, "over", over, due[0]+20*time.Second+1+65*time.Second)
	wantTimes(t, "polled", polled, calm[0]+1, due[0], due[0]+20*time.Second, over[0])
	if infos[1].Info.State != messages.Open {
		t.Errorf("when due: %+v", infos[1])
	}
}

func TestRecoveryHeedsWhatRetryAfterAsksFor(t *testing.T) {
	r, seen := simulate(t, quiet(
		drops.Step{At: 9*time.Minute + 59*time.Second, What: drops.Refuse{RetryAfter: 9 * time.Minute}},
	), actors.Config{})
	wantTally(t, r, 0, "1 dropped (1 cut), 1 attempts failed, 1 reconnects")
	due, _ := of[drops.Due](seen)
	if open := seen.when(0, messages.Open); len(open) != 2 || open[1] > due[0] {
		t.Errorf("open at %v, due at %v", open, due)
	}
}

func TestHalfOfTheParkedAreRetriedAndAllComeBack(t *testing.T) {
	script := drops.Script{Seed: 5, Connections: 4, Length: time.Minute}
	for n := range 4 {
		script.Steps = append(script.Steps, drops.Step{At: 50*time.Second + time.Duration(n), Conn: n, What: drops.CloseCode{Code: 4500}})
	}
	r, seen := simulate(t, drops.Plan{Script: script}, actors.Config{})
	times, retried := of[drops.Retried](seen)
	wantTimes(t, "retried", times, time.Minute+1, time.Minute+1)
	if retried[0].Conn != 0 || retried[1].Conn != 2 {
		t.Errorf("retried %+v", retried)
	}
	for n := range 4 {
		wantTally(t, r, n, "1 dropped (1 close 4500), 0 attempts failed, 1 reconnects")
	}
}

func TestTwoRunsOfASeedDoTheSame(t *testing.T) {
	for seed := range uint64(2) {
		plan := drops.Plan{Script: mixed(seed, 12, 3*time.Hour, 10*time.Minute)}
		first, _ := simulate(t, plan, actors.Config{})
		second, _ := simulate(t, plan, actors.Config{})
		if err := first.Err(); err != nil {
			t.Error(err)
		}
		before, after := withoutLastLine(first.String()), withoutLastLine(second.String())
		if before != after {
			t.Errorf("first\n%s\nthen\n%s", before, after)
		}
		if !strings.Contains(before, " reconnects\n\t") || !strings.Contains(before, " cut") {
			t.Errorf("nothing happened:\n%s", before)
		}
	}
}

func withoutLastLine(s string) string {
	return s[:strings.LastIndex(strings.TrimSuffix(s, "\n"), "\n")+1]
}

// mixed is a script of many faults, drawn from the seed.
func mixed(seed uint64, connections int, length, gap time.Duration) drops.Script {
	r := rand.New(rand.NewPCG(seed, 0))
	s := drops.Script{Seed: seed, Connections: connections, Length: length}
	for at := time.Duration(0); ; {
		at += 1 + time.Duration(r.ExpFloat64()*float64(gap)/float64(connections))
		if at > length {
			return s
		}
		step := drops.Step{At: at, Conn: r.IntN(connections), What: happenings[r.IntN(len(happenings))]}
		if r.IntN(2) == 0 {
			step.For = time.Duration(r.Int64N(int64(2 * time.Minute)))
		}
		s.Steps = append(s.Steps, step)
	}
}

var happenings = []drops.Happening{
	drops.Reset{}, drops.Silence{}, drops.Silence{In: true}, drops.Silence{Out: true}, drops.Stall{},
	drops.Torn{After: 1}, drops.Torn{After: 3, FIN: true},
	drops.CloseCode{Code: 1000}, drops.CloseCode{Code: 1001}, drops.CloseCode{Code: 1012}, drops.CloseCode{Code: 1013},
	drops.CloseCode{Code: 1008}, drops.CloseCode{Code: 4000}, drops.CloseCode{Code: 4500},
	drops.Refuse{}, drops.Refuse{Status: http.StatusTooManyRequests, RetryAfter: time.Minute},
	drops.Refuse{Status: http.StatusUnauthorized}, drops.Refuse{Status: http.StatusNotFound},
	drops.NoSuchHost{}, drops.ConnRefused{}, drops.Unanswered{},
}

func TestSimulationThatIsCutShortEndsInOrder(t *testing.T) {
	seen := &film{t: t}
	plan := drops.Plan{Script: mixed(1, 20, time.Hour, time.Minute), Invariants: []drops.Invariant{seen}}
	synctest.Test(t, func(t *testing.T) {
		sim := must(drops.NewSimulation(plan))
		m := must(actors.New(actors.Config{OnEvent: sim.OnEvent, Random: sim.Random}))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		r := sim.Run(ctx, m, func(n int) error {
			_, err := m.Dial(ctx, target(sim, n))
			return err
		})
		if !errors.Is(r.Cut, context.DeadlineExceeded) || !errors.Is(r.Err(), r.Cut) || r.Length > 12*time.Minute {
			t.Errorf("%v after %v", r.Err(), r.Length)
		}
		if err := m.Send(sim.ID(0), messages.Text("x")); !errors.Is(err, messages.ErrShutdown) {
			t.Errorf("the fleet lives: %v", err)
		}
	})
	_, due := of[drops.Due](seen)
	_, over := of[drops.Over](seen)
	if len(due)+len(over) > 0 {
		t.Error("claims to have come to its end")
	}
}

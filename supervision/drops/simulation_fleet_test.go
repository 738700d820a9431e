package drops_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// idler is a fleet that does nothing and says that all is well.
type idler struct{}

func (idler) Send(messages.ID, messages.Message) error              { return nil }
func (idler) Close(context.Context, messages.ID, int, string) error { return nil }
func (idler) Retry(messages.ID) error                               { return nil }
func (idler) Info(id messages.ID) (messages.Info, error)            { return messages.Info{ID: id}, nil }
func (idler) Shutdown(context.Context) error                        { return nil }

// behave runs a simulation of an hour with a fleet that is up to something.
func behave(t *testing.T, connections int, fleet drops.Fleet, dial func(*drops.Simulation, int) error, more ...drops.Invariant) (r drops.Report, seen *film) {
	t.Helper()
	seen = &film{t: t}
	synctest.Test(t, func(t *testing.T) {
		sim := must(drops.NewSimulation(drops.Plan{
			Script:     drops.Script{Seed: 8, Connections: connections, Length: time.Hour},
			Invariants: append(more, seen),
		}))
		r = sim.Run(t.Context(), fleet, func(n int) error { return dial(sim, n) })
	})
	return r, seen
}

func dialing(sim *drops.Simulation, n int) *websocket.Conn {
	d := websocket.Dialer{NetDialContext: sim.DialContext}
	ws, _, err := d.Dial(sim.URL(n), nil)
	return must(ws, err)
}

func TestDialThatFailsIsReported(t *testing.T) {
	oops := errors.New("oops")
	r, seen := behave(t, 2, idler{}, func(_ *drops.Simulation, n int) error {
		if n == 1 {
			return oops
		}
		return nil
	})
	if len(r.Violations) != 1 || !errors.Is(r.Err(), oops) || !strings.Contains(r.Err().Error(), "seed 8: ") || !strings.Contains(r.Err().Error(), "connection 1 was not dialed") {
		t.Errorf("%v", r.Err())
	}
	if _, sent := of[drops.Sent](seen); slices.ContainsFunc(sent, func(s drops.Sent) bool { return s.Conn == 1 }) {
		t.Error("it got messages all the same")
	}
}

func TestEventOfAForeignConnectionIsReported(t *testing.T) {
	r, _ := behave(t, 1, idler{}, func(sim *drops.Simulation, _ int) error {
		sim.OnEvent(messages.EventOutcome{ID: messages.ID{1}})
		return nil
	})
	if r.Broken != 1 || r.Violations[0].Invariant != "fleet" {
		t.Errorf("%v", r.Err())
	}
}

// strict is broken by each message.
type strict struct{}

func (strict) String() string { return "strict" }

func (strict) Observe(_ time.Duration, o drops.Observation) error {
	if s, ok := o.(drops.Sent); ok {
		return fmt.Errorf("message %d", s.Number)
	}
	return nil
}

func TestBrokenInvariantsAreCountedAndTheFirstTwentyKept(t *testing.T) {
	r, seen := behave(t, 10, idler{}, func(*drops.Simulation, int) error { return nil }, strict{})
	times, sent := of[drops.Sent](seen)
	if len(r.Violations) != 20 || r.Broken != len(sent) || r.Broken <= 20 {
		t.Fatalf("%d of %d violations, %d messages", len(r.Violations), r.Broken, len(sent))
	}
	first := r.Violations[0]
	if first.At != times[0] || first.Invariant != "strict" || first.Err.Error() != "message 1" {
		t.Errorf("%+v at %v", first, times[0])
	}
	if text := r.Err().Error(); !strings.HasSuffix(text, fmt.Sprintf("and %d more", r.Broken-20)) {
		t.Errorf("%.100s ... %s", text, text[len(text)-100:])
	}
}

// refuser is a fleet that takes every third message.
type refuser struct {
	idler
	asked int
}

func (f *refuser) Send(messages.ID, messages.Message) error {
	if f.asked++; f.asked%3 == 0 {
		return nil
	}
	return messages.ErrQueueFull
}

func TestNumberOfARefusedMessageIsUsedAgain(t *testing.T) {
	r, seen := behave(t, 1, &refuser{}, func(*drops.Simulation, int) error { return nil })
	_, sent := of[drops.Sent](seen)
	for i, s := range sent {
		if s.Number != uint64(i/3+1) {
			t.Fatalf("message %d has number %d", i, s.Number)
		}
	}
	if r.Connections[0].Sent != uint64(len(sent)/3) || len(sent) < 10 {
		t.Errorf("%d of %d sent", r.Connections[0].Sent, len(sent))
	}
}

func TestSocketsAndGoroutinesThatAreLeftAreTold(t *testing.T) {
	done := make(chan func(), 1)
	_, seen := behave(t, 1, idler{}, func(sim *drops.Simulation, n int) error {
		ws, stop := dialing(sim, n), make(chan struct{})
		go func() { // until the next fleet's is told to end
			defer ws.Close()
			<-stop
		}()
		done <- func() { close(stop) }
		return nil
	}, onOver(func() { (<-done)() }))
	_, over := of[drops.Over](seen)
	if len(over) != 1 || over[0].Open != 1 || len(over[0].Left) != 1 || !strings.Contains(over[0].Left[0], "TestSocketsAndGoroutinesThatAreLeft") {
		t.Errorf("%+v", over)
	}
}

// onOver is called when the simulation is over.
type onOver func()

func (onOver) String() string { return "over" }

func (f onOver) Observe(_ time.Duration, o drops.Observation) error {
	if _, ok := o.(drops.Over); ok {
		f()
	}
	return nil
}

func TestSocketsThatLiveSideBySideAreTold(t *testing.T) {
	_, seen := behave(t, 1, idler{}, func(sim *drops.Simulation, n int) error {
		first := dialing(sim, n)
		synctest.Wait()
		second := dialing(sim, n)
		synctest.Wait()
		_ = first.NetConn().(*drops.Conn).CloseWrite()
		third := dialing(sim, n)
		synctest.Wait()
		_ = second.Close()
		_ = drops.Reset{}.Inject(third.NetConn().(*drops.Conn).Other())
		fourth := dialing(sim, n)
		synctest.Wait()
		_ = first.Close()
		_ = fourth.WriteMessage(websocket.TextMessage, []byte("no number")) // the server goes
		synctest.Wait()
		fifth := dialing(sim, n)
		synctest.Wait()
		_ = fourth.Close()
		_ = fifth.Close()
		return nil
	})
	_, accepted := of[drops.Accepted](seen)
	want := []drops.Accepted{{Socket: 1}, {Socket: 2, Live: []int{1}}, {Socket: 3, Live: []int{2}}, {Socket: 4}, {Socket: 5, Live: []int{4}}}
	if fmt.Sprint(accepted) != fmt.Sprint(want) {
		t.Errorf("%v; want %v", accepted, want)
	}
}

func TestSimulationRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := must(drops.NewSimulation(drops.Plan{Script: drops.Script{Connections: 1}}))
		dialed := 0
		dial := func(int) error { dialed++; return nil }
		if err := sim.Run(t.Context(), idler{}, dial).Err(); err != nil {
			t.Error(err)
		}
		if err := sim.Run(t.Context(), idler{}, dial).Err(); err == nil || dialed != 1 {
			t.Errorf("second run: %v, %d dialed", err, dialed)
		}
	})
}

func TestTheGoroutineThatRunsItIsNotLeft(t *testing.T) {
	seen := &film{t: t}
	synctest.Test(t, func(t *testing.T) {
		sim := must(drops.NewSimulation(drops.Plan{Script: drops.Script{Connections: 1}, Invariants: []drops.Invariant{seen}}))
		done := make(chan struct{})
		go func() {
			defer close(done)
			sim.Run(t.Context(), idler{}, func(int) error { return nil })
		}()
		<-done
	})
	if _, over := of[drops.Over](seen); len(over) != 1 || over[0].Left != nil {
		t.Errorf("%+v", over)
	}
}

func TestIDsAndJitterFollowFromTheSeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := drops.Plan{Script: drops.Script{Seed: 1, Connections: 3}}
		a, b := must(drops.NewSimulation(plan)), must(drops.NewSimulation(plan))
		plan.Script.Seed = 2
		other := must(drops.NewSimulation(plan))
		if a.ID(0) != b.ID(0) || a.ID(0) == a.ID(1) || a.ID(0) == other.ID(0) {
			t.Errorf("%v, %v, %v, %v", a.ID(0), b.ID(0), a.ID(1), other.ID(0))
		}
		if id := a.ID(2).String(); id[14] != '4' || !strings.ContainsRune("89ab", rune(id[19])) {
			t.Errorf("%s is not of version 4", id)
		}
		_, _ = b.Random(b.ID(1)), b.Random(b.ID(2)) // another's draws change nothing
		if id := a.ID(1); math.Abs(a.Random(id)-float64(binary.BigEndian.Uint64(id[:])<<11>>11)/(1<<53)) < 1e-9 {
			t.Error("the jitter follows from the ID")
		}
		for range 10 {
			if u, v := a.Random(a.ID(0)), b.Random(b.ID(0)); u != v || u < 0 || u >= 1 || u == other.Random(other.ID(0)) {
				t.Errorf("%v and %v", u, v)
			}
		}
		if u := a.Random(messages.ID{1}); u != 0 {
			t.Errorf("a foreign ID draws %v", u)
		}
	})
}

func TestPlanThatMakesNoSenseIsInvalid(t *testing.T) {
	valid := drops.Script{Connections: 1, Length: time.Minute}
	with := func(steps ...drops.Step) drops.Plan {
		p := drops.Plan{Script: valid}
		p.Script.Steps = steps
		return p
	}
	reset := drops.Reset{}
	cases := []struct {
		names string
		plan  drops.Plan
	}{
		{"Script.Connections", drops.Plan{}},
		{"Script.Length", drops.Plan{Script: drops.Script{Connections: 1, Length: -1}}},
		{"Message", drops.Plan{Script: valid, Message: -1}},
		{"Poll", drops.Plan{Script: valid, Poll: -1}},
		{"Expect.PerSecond", drops.Plan{Script: valid, Expect: drops.Expect{PerSecond: -1}}},
		{"Expect.Idle", drops.Plan{Script: valid, Expect: drops.Expect{Idle: -1}}},
		{"Steps[0]: ", with(drops.Step{})},
		{"Steps[0]: ", with(drops.Step{What: reset, Conn: 1})},
		{"Steps[0]: ", with(drops.Step{What: reset, Conn: -1})},
		{"Steps[0]: ", with(drops.Step{What: reset, At: -1})},
		{"Steps[0]: ", with(drops.Step{What: reset, At: time.Minute + 1})},
		{"Steps[0]: ", with(drops.Step{What: reset, For: -1})},
		{"Steps[1]: ", with(drops.Step{What: reset, At: 2}, drops.Step{What: reset, At: 1})},
	}
	for _, c := range cases {
		if _, err := drops.NewSimulation(c.plan); !errors.Is(err, messages.ErrInvalid) || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%+v: %v; want %s named", c.plan, err, c.names)
		}
	}
	good := with(drops.Step{What: reset, At: time.Minute})
	if _, err := drops.NewSimulation(good); !errors.Is(err, messages.ErrInvalid) || !strings.Contains(err.Error(), "bubble") {
		t.Errorf("outside of a bubble: %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		if _, err := drops.NewSimulation(good); err != nil {
			t.Error(err)
		}
	})
}

func TestStageTakesNoUnknownConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := must(drops.NewSimulation(drops.Plan{Script: drops.Script{Connections: 1}}))
		for _, n := range []int{-1, 1} {
			for _, err := range []error{sim.Inject(n, drops.Reset{}, 0), sim.Refuse(n, drops.Refuse{}, 0), sim.FailDial(n, drops.NoSuchHost{}, 0)} {
				if !errors.Is(err, messages.ErrInvalid) {
					t.Errorf("connection %d: %v", n, err)
				}
			}
		}
		if _, err := sim.DialContext(t.Context(), "tcp", "elsewhere:80"); err == nil || !strings.Contains(err.Error(), "elsewhere:80") {
			t.Error(err)
		}
	})
}

package drops

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetherws/tether/messages"
)

// Simulation puts a [Fleet] through a [Script]: real WebSocket connections,
// over a [Network] of its own, to a server of its own, with traffic in both
// directions. It shows all of it to invariants. It belongs into a
// testing/synctest bubble, in which a week takes seconds; two runs of one
// plan then do the same at the same instants.
//
//	expect := drops.Expect{} // the defaults of package actors
//	sim, err := drops.NewSimulation(drops.Plan{Script: script, Expect: expect, Invariants: drops.Invariants(expect)})
//	m, err := actors.New(actors.Config{OnEvent: sim.OnEvent, Random: sim.Random})
//	report := sim.Run(ctx, m, func(n int) error {
//		_, err := m.Dial(ctx, actors.Target{
//			ID: sim.ID(n), URL: sim.URL(n), Pool: "sim", // one pool for all, as Expect has it
//			Dialer: &websocket.Dialer{NetDialContext: sim.DialContext},
//		})
//		return err
//	})
//	err = report.Err()
//
// Made by [NewSimulation], inside the bubble and before the fleet, it serves
// one Run. Its other methods are for the fleet and may be called from anywhere.
type Simulation struct {
	plan     Plan
	network  *Network
	server   *http.Server
	subjects []*subject
	byID     map[messages.ID]*subject
	others   map[string]bool // the bubble's goroutines before the fleet's
	fleet    Fleet
	ran      atomic.Bool
	running  sync.WaitGroup // the server, its handlers and the closes

	mu     sync.Mutex // guards what follows, and the subjects' tallies
	start  time.Time
	report Report
}

// NewSimulation returns a simulation of p. An error reports every bad field at
// once; each matches messages.ErrInvalid.
func NewSimulation(p Plan) (*Simulation, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	s := &Simulation{
		plan: p.withDefaults(), network: NewNetwork(), byID: make(map[messages.ID]*subject),
		others: make(map[string]bool), start: time.Now(),
	}
	s.report.Seed = p.Script.Seed
	s.server = s.newServer()
	for n := range p.Script.Connections {
		c := newSubject(p.Script.Seed, n)
		s.subjects = append(s.subjects, c)
		s.byID[c.id] = c
	}
	all := bubble()
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: a simulation needs a testing/synctest bubble", messages.ErrInvalid)
	}
	for _, g := range all {
		s.others[g.id] = true
	}
	return s, nil
}

// ID returns the ID of connection n, which follows from the seed.
func (s *Simulation) ID(n int) messages.ID { return s.subjects[n].id }

// URL returns what the fleet is to dial for connection n. Each has a host of
// its own: that is how DialContext knows it. A fleet that dials by pools may
// put all into one.
func (s *Simulation) URL(n int) string { return "ws://" + host(n) + "/" }

// Random returns the next number in [0,1) of the connection's own stream, which
// follows from the seed. Calls for one ID must not overlap. An ID that is not
// the simulation's gets zero.
func (s *Simulation) Random(id messages.ID) float64 {
	if c := s.byID[id]; c != nil {
		return c.jitter.Float64()
	}
	return 0
}

// OnEvent is to be told every event of the fleet. It does not block.
func (s *Simulation) OnEvent(e messages.Event) {
	var id messages.ID
	switch e := e.(type) {
	case messages.EventTransition:
		id = e.ID
	case messages.EventOutcome:
		id = e.ID
	}
	c := s.byID[id]
	if c == nil {
		s.breach(fmt.Errorf("an event of connection %v, which is not one of these", id))
		return
	}
	s.observe(Told{Conn: c.number, Event: e})
}

var errRan = errors.New("a simulation runs once")

// Run puts the fleet to the test and returns what came of it. It has dial begin
// each of the connections, at an instant of its own and maybe from several
// goroutines; plays the script; ends all faults and waits until the fleet has
// recovered; lets the traffic end, and shuts the fleet down. It blocks for the
// length of the script and some minutes, or until ctx has ended; the fleet is
// shut down either way, and every goroutine of the simulation joined. ctx is to
// come from the same bubble. A second call does nothing.
func (s *Simulation) Run(ctx context.Context, fleet Fleet, dial func(n int) error) Report {
	if s.ran.Swap(true) {
		return Report{Seed: s.plan.Script.Seed, Cut: errRan}
	}
	s.fleet = fleet
	s.setOut()
	s.through(ctx, dial)
	s.end(ctx)
	return s.summary(ctx.Err())
}

func (s *Simulation) setOut() {
	s.mu.Lock()
	s.start = time.Now()
	s.mu.Unlock()
	s.serve()
}

// through has the fleet live through the script and its aftermath.
func (s *Simulation) through(ctx context.Context, dial func(int) error) {
	traffic, stop := context.WithCancel(ctx)
	var drivers sync.WaitGroup
	for _, c := range s.subjects {
		drivers.Go(func() { s.drive(traffic, c, dial) })
	}
	if s.storm(ctx) {
		s.recover(ctx)
	}
	stop()
	drivers.Wait()
	if wait(ctx, s.plan.Expect.Timeout+s.plan.Expect.HandshakeTimeout) { // for the last confirmations
		s.lookAtAll()
	}
}

// storm plays the script, and reports false if ctx has ended before its end.
func (s *Simulation) storm(ctx context.Context) bool {
	script, over := s.plan.Script, time.Until(s.start.Add(s.plan.Script.Length))
	timer := time.NewTimer(over)
	defer timer.Stop()
	_ = script.Play(ctx, s, s.struck) // only ctx ends it early
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// recover ends all faults and waits until every connection must be back.
func (s *Simulation) recover(ctx context.Context) {
	s.calm()
	if !wait(ctx, moment) {
		return
	}
	s.retrySome(s.lookAtAll())
	if !wait(ctx, s.plan.Expect.recovery(s.plan.Script)+s.plan.Expect.Probe) {
		return
	}
	s.observe(Due{})
	s.lookAtAll()
}

// retrySome ends the wait of every other connection that is parked.
func (s *Simulation) retrySome(parked []*subject) {
	for i, c := range parked {
		if i%2 == 0 {
			s.observe(Retried{Conn: c.number, Err: s.fleet.Retry(c.id)})
		}
	}
}

const (
	moment     = 1               // in it, all that moves at one instant has come to rest
	shutdown   = time.Minute     // that Shutdown may take
	remembered = time.Minute     // that a closed connection is
	margin     = 5 * time.Second // beyond that
)

// end shuts the fleet down, then the server, and looks at what they leave.
func (s *Simulation) end(ctx context.Context) {
	orderly, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
	defer cancel()
	s.observe(Ending{})
	err := s.fleet.Shutdown(orderly)
	open := len(s.network.Conns())
	s.stop()
	wait(context.WithoutCancel(ctx), moment) // for handlers that begin just now
	s.running.Wait()
	if !wait(ctx, remembered+margin) {
		return
	}
	s.lookAtAll()
	s.observe(Over{Err: err, Left: s.left(), Open: open})
}

// wait reports whether d has passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

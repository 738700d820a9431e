package drops

import (
	"time"

	"github.com/tetherws/tether/messages"
)

// observe shows o to the report and to each invariant. It calls nothing of the
// fleet's, so the fleet may call it under locks of its own.
func (s *Simulation) observe(o Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := time.Since(s.start)
	s.count(at, o)
	for _, i := range s.plan.Invariants {
		if err := i.Observe(at, o); err != nil {
			s.report.add(Violation{At: at, Invariant: i.String(), Err: err})
		}
	}
}

// breach reports what no fleet may do whatever the invariants.
func (s *Simulation) breach(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.add(Violation{At: time.Since(s.start), Invariant: "fleet", Err: err})
}

// count keeps the tally of the connection that o is about. mu is held.
func (s *Simulation) count(at time.Duration, o Observation) {
	switch o := o.(type) {
	case Struck:
		t := &s.subjects[o.Conn].tally
		t.Strikes = append(t.Strikes, Strike{At: at, Step: o.Step, Err: o.Err})
	case Told:
		if e, ok := o.Event.(messages.EventTransition); ok {
			s.subjects[o.Conn].tally.transit(e.Transition)
		}
	case Admitted:
		if o.Err == nil {
			s.subjects[o.Conn].tally.Sent++
		}
	case Arrived:
		s.subjects[o.Conn].tally.Arrived++
	}
}

// summary returns the report of a run that cut has cut short, if it is not nil.
func (s *Simulation) summary(cut error) Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Cut, s.report.Length = cut, time.Since(s.start)
	for _, c := range s.subjects {
		s.report.Connections = append(s.report.Connections, c.tally)
	}
	return s.report
}

package actors

import (
	"github.com/asynkron/protoactor-go/actor"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

// supervisor is the parent of the connection actors. It is its own strategy.
type supervisor struct {
	*supervision.Strategy
	m        *Manager
	children int
	leaving  bool // it ends with its last child
}

// What the supervisor is asked for.
type (
	spawn struct{ record *record }
	retry struct{ record *record }
	halt  struct{ pid *actor.PID } // for good
	leave struct{}                 // once the last child has ended
)

// Receive implements actor.Actor.
func (s *supervisor) Receive(ctx actor.Context) {
	if s.Strategy.Receive(ctx) {
		return
	}
	switch msg := ctx.Message().(type) {
	case spawn:
		s.spawn(ctx, msg.record)
	case retry:
		if pid := msg.record.hurried(); pid != nil {
			s.Retry(ctx, pid)
		}
	case halt:
		s.Stop(ctx, msg.pid)
	case leave:
		s.leaving = true
		s.leaveIfAlone(ctx)
	case *actor.Terminated:
		s.children--
		s.leaveIfAlone(ctx)
	case *actor.Stopped:
		close(s.m.supervisorGone)
	}
}

// leaveIfAlone stops the supervisor. With children it would send each one a
// Stop, those too that have ended and are not heard of yet.
func (s *supervisor) leaveIfAlone(ctx actor.Context) {
	if s.leaving && s.children == 0 {
		ctx.Stop(ctx.Self())
	}
}

func (s *supervisor) spawn(ctx actor.Context, r *record) {
	if r.isOver() {
		return
	}
	pid, err := ctx.SpawnNamed(s.m.connectionProps, r.id.String())
	if err != nil {
		r.fall(err)
		return
	}
	s.children++
	if !r.spawned(pid) {
		s.Stop(ctx, pid)
	}
}

// hurried returns r's actor if it is still to end its wait: in the meantime it
// may have done so, and wait again.
func (r *record) hurried() *actor.PID {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hurry {
		return r.pid
	}
	return nil
}

func (r *record) isOver() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state == messages.Closed
}

// fall ends a connection that gets no actor.
func (r *record) fall(err error) {
	r.mu.Lock()
	defer r.unlock()
	r.finish(&messages.CloseError{Code: 1006, Err: err})
}

// spawned tells r its actor, and reports false if r is over already.
func (r *record) spawned(pid *actor.PID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == messages.Closed {
		return false
	}
	r.pid = pid
	return true
}

// decide answers the strategy about the failure of a child.
func (m *Manager) decide(child *actor.PID, reason any) supervision.Directive {
	if r := m.recordOf(child); r != nil {
		return r.decide(reason)
	}
	return supervision.Directive{Stop: true}
}

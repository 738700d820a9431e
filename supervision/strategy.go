package supervision

import (
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Directive is what a [Strategy] does about one failure of a child.
type Directive struct {
	Stop  bool          // the child is stopped, for good; otherwise it is restarted
	Delay time.Duration // until the restart; zero or less is at once
	// Incarnation is the one that failed. A failure of an incarnation that was
	// dealt with before is ignored, so it must have grown before a restarted
	// child can fail again; 0 is always taken for a new one.
	Incarnation uint64
}

// Strategy is the protoactor supervision strategy that waits before it
// restarts a child. An actor embeds one, made anew with each actor value, and
// hands it each message by Receive; protoactor then calls HandleFailure
// serially with the actor's messages. All methods but Pending are for that
// actor alone, and none blocks.
type Strategy struct {
	decide     func(child *actor.PID, reason any) Directive
	children   map[string]*ward // those that failed or were stopped, until they have terminated
	generation uint64           // of the last timer
	pending    atomic.Int64
	ended      bool // the supervisor is stopping
}

// ward is what is known of one child.
type ward struct {
	timer       *time.Timer // nil unless the child waits
	generation  uint64      // of timer
	incarnation uint64      // the last that was dealt with
	stopped     bool        // it shall not come back
}

// restartDue is posted by a timer to the supervisor itself.
type restartDue struct {
	child      *actor.PID
	generation uint64
}

// IgnoreDeadLetterLogging keeps quiet about a timer that fires while its
// supervisor ends.
func (restartDue) IgnoreDeadLetterLogging() {}

// NewStrategy returns a strategy that asks decide about each failure of a
// child that is not waiting or stopped already. It runs on the supervisor's
// goroutine and must not block; if it panics, the child is stopped.
func NewStrategy(decide func(child *actor.PID, reason any) Directive) *Strategy {
	return &Strategy{decide: decide, children: map[string]*ward{}}
}

// HandleFailure implements actor.SupervisorStrategy.
func (s *Strategy) HandleFailure(system *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID,
	_ *actor.RestartStatistics, reason, _ any,
) {
	if s.ended {
		return
	}
	w := s.ward(child)
	if w.stopped || w.timer != nil {
		return
	}
	d := s.ask(child, reason)
	switch {
	case d.Stop:
		w.stopped = true
		supervisor.StopChildren(child)
	case d.Incarnation != 0 && d.Incarnation <= w.incarnation:
	case d.Delay <= 0:
		w.incarnation = d.Incarnation
		supervisor.RestartChildren(child)
	default:
		w.incarnation = d.Incarnation
		s.wait(system, supervisor, child, d.Delay)
	}
}

// Receive is to be called with every message of the supervisor. It reports
// whether the message was the strategy's own. Of *actor.Terminated,
// *actor.Stopping and *actor.Restarting it takes note, but leaves them to the
// supervisor and says false.
func (s *Strategy) Receive(ctx actor.Context) bool {
	switch m := ctx.Message().(type) {
	case restartDue:
		s.due(ctx, m)
		return true
	case *actor.Terminated:
		s.forget(m.Who)
	case *actor.Stopping, *actor.Restarting:
		s.end()
	}
	return false
}

// Retry ends the wait of the child and restarts it now. It reports whether
// the child was waiting.
func (s *Strategy) Retry(ctx actor.Context, child *actor.PID) bool {
	w := s.children[child.Id]
	if w == nil || !s.cancel(w) {
		return false
	}
	restart(ctx, child)
	return true
}

// Stop ends the wait of the child, if it waits, and stops it. No failure of
// it, before or after, brings it back.
func (s *Strategy) Stop(ctx actor.Context, child *actor.PID) {
	// Of one that is gone no Terminated would come to end the mark.
	if _, lives := ctx.ActorSystem().ProcessRegistry.Get(child); !lives {
		s.forget(child)
		return
	}
	w := s.ward(child)
	s.cancel(w)
	if w.stopped {
		return // it may end at any moment, and a second Stop be a dead letter
	}
	w.stopped = true
	ctx.Stop(child)
}

// Pending returns how many children wait for their restart. Anybody may call
// it.
func (s *Strategy) Pending() int { return int(s.pending.Load()) }

func (s *Strategy) ward(child *actor.PID) *ward {
	w := s.children[child.Id]
	if w == nil {
		w = &ward{}
		s.children[child.Id] = w
	}
	return w
}

// ask turns a panic into a stop: in HandleFailure it would take all children
// down.
func (s *Strategy) ask(child *actor.PID, reason any) (d Directive) {
	defer func() {
		if recover() != nil {
			d = Directive{Stop: true}
		}
	}()
	return s.decide(child, reason)
}

func (s *Strategy) wait(system *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID, delay time.Duration) {
	self := supervisor.(actor.Context).Self()
	s.generation++
	due := restartDue{child, s.generation}
	w := s.ward(child)
	w.generation = due.generation
	w.timer = time.AfterFunc(delay, func() { system.Root.Send(self, due) })
	s.pending.Add(1)
}

func (s *Strategy) due(ctx actor.Context, m restartDue) {
	w := s.children[m.child.Id]
	if w == nil || w.timer == nil || w.generation != m.generation {
		return
	}
	s.cancel(w)
	restart(ctx, m.child)
}

// cancel ends the wait, and reports whether there was one.
func (s *Strategy) cancel(w *ward) bool {
	if w.timer == nil {
		return false
	}
	w.timer.Stop()
	w.timer = nil
	s.pending.Add(-1)
	return true
}

func (s *Strategy) forget(child *actor.PID) {
	if w := s.children[child.Id]; w != nil {
		s.cancel(w)
		delete(s.children, child.Id)
	}
}

func (s *Strategy) end() {
	s.ended = true
	for _, w := range s.children {
		s.cancel(w)
	}
}

func restart(ctx actor.Context, child *actor.PID) {
	ctx.(actor.Supervisor).RestartChildren(child)
}

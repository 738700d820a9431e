package supervision_test

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/tetherws/tether/supervision"
)

// tree is a supervisor with children in a real actor system, in virtual time.
type tree struct {
	t      *testing.T
	system *actor.ActorSystem
	pid    *actor.PID
	start  time.Time

	*supervision.Strategy
	directive func(failure) supervision.Directive
	asked     int
	starts    map[string][]time.Duration // by child, since the start
	stopped   []string
	stopping  func(actor.Context) // runs in the supervisor's Stopping
	dead      []any               // dead letters
}

// failure is what a child fails with: which of its starts, from 1.
type failure struct{ incarnation uint64 }

type order int

const (
	fail order = iota
	failTwice
	panics
)

func withTree(t *testing.T, directive func(failure) supervision.Directive, test func(*testing.T, *tree)) {
	synctest.Test(t, func(t *testing.T) {
		s := &tree{t: t, directive: directive, start: time.Now(), starts: map[string][]time.Duration{}}
		s.Strategy = supervision.NewStrategy(s.decide)
		s.system = actor.NewActorSystem(
			actor.WithDeadLetterThrottleInterval(time.Millisecond),
			actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }),
		)
		s.system.EventStream.Subscribe(func(event any) {
			if letter, ok := event.(*actor.DeadLetterEvent); ok {
				s.dead = append(s.dead, letter.Message)
			}
		})
		s.pid = s.system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return s }))
		test(t, s)
		s.end()
		time.Sleep(time.Second) // the dead letters' throttle
		if s.Pending() != 0 {
			t.Errorf("%d wait in the end", s.Pending())
		}
		s.system.Shutdown()
	})
}

func (s *tree) decide(_ *actor.PID, reason any) supervision.Directive {
	s.asked++
	return s.directive(reason.(failure))
}

func (s *tree) Receive(ctx actor.Context) {
	if s.Strategy.Receive(ctx) {
		return
	}
	switch m := ctx.Message().(type) {
	case func(actor.Context):
		m(ctx)
	case *actor.Terminated:
		s.stopped = append(s.stopped, m.Who.Id[len(s.pid.Id)+1:])
	case *actor.Stopping:
		if s.stopping != nil {
			s.stopping(ctx)
		}
	}
}

// do runs f in the supervisor and waits until all has come to rest.
func (s *tree) do(f func(actor.Context)) {
	s.system.Root.Send(s.pid, f)
	synctest.Wait()
}

func (s *tree) end() {
	s.system.Root.Stop(s.pid)
	synctest.Wait()
}

func (s *tree) spawn(name string) (child *actor.PID) {
	s.do(func(ctx actor.Context) {
		var err error
		child, err = ctx.SpawnNamed(actor.PropsFromFunc(s.child(name)), name)
		if err != nil {
			s.t.Error(err)
		}
	})
	return child
}

// child starts, and fails as it is told to.
func (s *tree) child(name string) actor.ReceiveFunc {
	return func(ctx actor.Context) {
		f := failure{uint64(len(s.starts[name]))}
		switch ctx.Message() {
		case fail:
			ctx.(actor.Supervisor).EscalateFailure(f, nil)
		case failTwice:
			ctx.(actor.Supervisor).EscalateFailure(f, nil)
			ctx.(actor.Supervisor).EscalateFailure(f, nil)
			panic(f)
		case panics:
			panic(f)
		}
		if _, ok := ctx.Message().(*actor.Started); ok {
			s.starts[name] = append(s.starts[name], time.Since(s.start))
		}
	}
}

func (s *tree) tell(child *actor.PID, o order) {
	s.system.Root.Send(child, o)
	synctest.Wait()
}

// started asserts when the child was started, after a day more.
func (s *tree) started(name string, want ...time.Duration) {
	s.t.Helper()
	time.Sleep(24 * time.Hour)
	synctest.Wait()
	if got := s.starts[name]; !slices.Equal(got, want) {
		s.t.Errorf("child %s started at %v, want %v", name, got, want)
	}
}

// after answers each failure with the same delay.
func after(d time.Duration) func(failure) supervision.Directive {
	return func(f failure) supervision.Directive {
		return supervision.Directive{Delay: d, Incarnation: f.incarnation}
	}
}

func TestRestartComesExactlyAfterTheDelay(t *testing.T) {
	for _, how := range []order{fail, panics} {
		withTree(t, after(3*time.Second), func(t *testing.T, s *tree) {
			child := s.spawn("a")
			s.tell(child, how)
			if s.Pending() != 1 {
				t.Errorf("%d wait", s.Pending())
			}
			time.Sleep(10 * time.Second)
			s.tell(child, how)
			s.started("a", 0, 3*time.Second, 13*time.Second)
		})
	}
}

func TestNoDelayRestartsAtOnce(t *testing.T) {
	for _, delay := range []time.Duration{0, -time.Second} {
		withTree(t, after(delay), func(t *testing.T, s *tree) {
			s.tell(s.spawn("a"), fail)
			s.started("a", 0, 0)
		})
	}
}

func TestRetryEndsTheWait(t *testing.T) {
	withTree(t, after(time.Minute), func(t *testing.T, s *tree) {
		child := s.spawn("a")
		retry := func(want bool) {
			t.Helper()
			s.do(func(ctx actor.Context) {
				if got := s.Retry(ctx, child); got != want {
					t.Errorf("retried is %v", got)
				}
			})
		}
		retry(false)
		s.tell(child, fail)
		time.Sleep(time.Second)
		retry(true)
		retry(false)
		s.started("a", 0, time.Second)
	})
}

func TestAStoppedChildNeverComesBack(t *testing.T) {
	withTree(t, after(time.Minute), func(t *testing.T, s *tree) {
		child := s.spawn("a")
		s.tell(child, fail)
		s.do(func(ctx actor.Context) {
			s.Stop(ctx, child)
			if s.Pending() != 0 {
				t.Error("its timer is left")
			}
			// What it had sent before arrives late.
			s.HandleFailure(s.system, ctx.(actor.Supervisor), child, nil, failure{2}, nil)
			if s.Pending() != 0 || s.asked != 1 || s.Retry(ctx, child) {
				t.Error("a failure after the stop was looked at")
			}
		})
		s.started("a", 0)
		if !slices.Equal(s.stopped, []string{"a"}) || s.Remembered() != 0 {
			t.Errorf("stopped %v, %d remembered", s.stopped, s.Remembered())
		}
		s.do(func(ctx actor.Context) { s.Stop(ctx, child) })
		if s.Remembered() != 0 || len(s.dead) != 0 {
			t.Errorf("%d remembered, dead letters %v", s.Remembered(), s.dead)
		}
	})
}

func TestAStaleTimerDoesNothing(t *testing.T) {
	withTree(t, after(3*time.Second), func(t *testing.T, s *tree) {
		child := s.spawn("a")
		s.tell(child, fail)
		s.do(func(ctx actor.Context) {
			time.Sleep(5 * time.Second) // the timer fires, behind this message
			if !s.Retry(ctx, child) {
				t.Error("it did not wait")
			}
		})
		s.started("a", 0, 5*time.Second)
	})
	withTree(t, after(3*time.Second), func(t *testing.T, s *tree) {
		child := s.spawn("a")
		s.tell(child, fail)
		s.do(func(ctx actor.Context) {
			time.Sleep(5 * time.Second)
			s.Retry(ctx, child)
			s.HandleFailure(s.system, ctx.(actor.Supervisor), child, nil, failure{2}, nil)
		})
		s.started("a", 0, 5*time.Second, 8*time.Second)
	})
}

func TestFailingTwiceRestartsOnce(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Second} {
		t.Run(fmt.Sprint(delay), func(t *testing.T) {
			withTree(t, after(delay), func(t *testing.T, s *tree) {
				child := s.spawn("a")
				s.tell(child, failTwice)
				time.Sleep(time.Minute)
				s.tell(child, fail) // it can fail again
				s.started("a", 0, delay, time.Minute+delay)
			})
		})
	}
}

func TestAWaitingChildIsNotAskedAboutAgain(t *testing.T) {
	nameless := func(failure) supervision.Directive { return supervision.Directive{Delay: time.Second} }
	withTree(t, nameless, func(t *testing.T, s *tree) {
		s.tell(s.spawn("a"), failTwice)
		if s.asked != 1 || s.Pending() != 1 {
			t.Errorf("asked %d times, %d wait", s.asked, s.Pending())
		}
		s.started("a", 0, time.Second)
	})
}

func TestNoTimerOutlivesItsSupervisor(t *testing.T) {
	withTree(t, after(time.Minute), func(t *testing.T, s *tree) {
		for n := range 100 {
			s.tell(s.spawn(name(n)), fail)
		}
		last := s.spawn("last")
		s.stopping = func(ctx actor.Context) {
			if s.Pending() != 0 {
				t.Errorf("%d wait while it stops", s.Pending())
			}
			s.HandleFailure(s.system, ctx.(actor.Supervisor), last, nil, failure{1}, nil)
		}
		if s.Pending() != 100 {
			t.Fatalf("%d wait", s.Pending())
		}
		s.end()
		if s.Pending() != 0 || s.asked != 100 {
			t.Errorf("%d wait, decided %d times", s.Pending(), s.asked)
		}
		for n := range 100 {
			if got := s.starts[name(n)]; len(got) != 1 {
				t.Fatalf("child %d started at %v", n, got)
			}
		}
		s.started("last", 0)
		if len(s.dead) != 0 {
			t.Errorf("dead letters %v", s.dead)
		}
	})
}

func TestAPanicOfTheDecisionStopsThatChildAlone(t *testing.T) {
	var deadly = func(failure) supervision.Directive { panic("oops") }
	var stop = func(failure) supervision.Directive { return supervision.Directive{Stop: true} }
	for _, directive := range []func(failure) supervision.Directive{deadly, stop} {
		withTree(t, directive, func(t *testing.T, s *tree) {
			s.spawn("b")
			s.tell(s.spawn("a"), fail)
			s.started("a", 0)
			s.started("b", 0)
			if !slices.Equal(s.stopped, []string{"a"}) {
				t.Errorf("stopped %v", s.stopped)
			}
		})
	}
}

func TestARespawnedNameStartsAfresh(t *testing.T) {
	withTree(t, after(3*time.Second), func(t *testing.T, s *tree) {
		child := s.spawn("a")
		s.tell(child, fail)
		s.do(func(ctx actor.Context) { ctx.Stop(child) }) // past the strategy
		if s.Pending() != 0 {
			t.Error("the timer of one that is gone is left")
		}
		time.Sleep(time.Second)
		child = s.spawn("a")
		time.Sleep(10 * time.Second)
		s.tell(child, fail)
		s.started("a", 0, time.Second, 14*time.Second)
	})
}

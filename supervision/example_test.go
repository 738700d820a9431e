package supervision_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

func ExampleBackoff() {
	backoff := supervision.Backoff{Min: time.Second, Max: 10 * time.Second}
	for attempt := range 5 {
		fmt.Println(backoff.Delay(attempt, 0.5)) // half of each ceiling
	}
	// Output:
	// 500ms
	// 1s
	// 2s
	// 4s
	// 5s
}

func ExamplePolicy_Decide() {
	var policy supervision.Policy
	var history supervision.History
	for _, cause := range []error{
		io.EOF,
		&messages.PeerCloseError{Code: 1013},
		&messages.HandshakeError{Status: 503, RetryAfter: time.Minute, Err: errors.New("bad handshake")},
		messages.Permanent(errors.New("no such account")),
	} {
		var verdict supervision.Verdict
		verdict, history = policy.Decide(history, time.Now(), cause, 0.5)
		fmt.Println(verdict.Action == supervision.Park, verdict.Delay, verdict.Hold)
	}
	// Output:
	// false 250ms 0s
	// false 30s 0s
	// false 1m0s 1m0s
	// true 5m0s 0s
}

func ExamplePolicy_rules() {
	policy := supervision.Policy{Rules: []supervision.Rule{
		// This server says 4000 when it sheds load.
		{Cause: supervision.CauseClose, From: 4000, Floor: time.Minute},
	}}
	verdict, _ := policy.Decide(supervision.History{}, time.Now(), &messages.PeerCloseError{Code: 4000}, 0.5)
	fmt.Println(verdict.Delay)
	// Output: 1m0s
}

func ExampleGovernor() {
	governor := supervision.NewGovernor(supervision.Limits{})
	defer governor.Close()
	dialed := make(chan struct{})
	governor.Enqueue("example.com:443", func(p *supervision.Permit) {
		defer close(dialed)
		defer p.Done(supervision.Answered)
		fmt.Println("dialing")
	})
	<-dialed
	// Output: dialing
}

// parent supervises with an embedded Strategy.
type parent struct{ *supervision.Strategy }

func (p parent) Receive(ctx actor.Context) {
	if p.Strategy.Receive(ctx) {
		return
	}
	if child, ok := ctx.Message().(actor.ReceiveFunc); ok {
		ctx.Send(ctx.Spawn(actor.PropsFromFunc(child)), "fail")
	}
}

func ExampleStrategy() {
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	defer system.Shutdown()
	supervisor := system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
		return parent{supervision.NewStrategy(func(_ *actor.PID, reason any) supervision.Directive {
			fmt.Println("failed:", reason)
			return supervision.Directive{Delay: time.Millisecond}
		})}
	}))
	started := make(chan struct{}, 2)
	system.Root.Send(supervisor, actor.ReceiveFunc(func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Started:
			started <- struct{}{}
		case string:
			ctx.(actor.Supervisor).EscalateFailure(io.EOF, nil)
		}
	}))
	<-started
	<-started
	fmt.Println("started again")
	_ = system.Root.StopFuture(supervisor).Wait()
	// Output:
	// failed: EOF
	// started again
}

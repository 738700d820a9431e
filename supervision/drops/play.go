package drops

import (
	"context"
	"time"
)

// Play does on stage what the script says, each step at its time from now, and
// tells each, with the stage's error, to tell, if that is not nil. It blocks
// until the last step is done or ctx has ended, whose error it then returns;
// it does not wait for what lasts to end.
//
// Stage and tell are called on the caller's goroutine, one step after the
// other. Steps that are late, because the machine or the stage is, follow at
// once. A What that is neither a Fault, a [Refusal] nor a [DialFault] is told
// with an error that matches messages.ErrInvalid.
func (s Script) Play(ctx context.Context, stage Stage, tell func(Step, error)) error {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, step := range s.Steps {
		timer.Reset(time.Until(start.Add(step.At)))
		if err := await(ctx, timer); err != nil {
			return err
		}
		err := step.play(stage)
		if tell != nil {
			tell(step, err)
		}
	}
	return nil
}

// await prefers the end of ctx to a timer that is due as well.
func await(ctx context.Context, timer *time.Timer) error {
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return ctx.Err()
}

func (s Step) play(stage Stage) error {
	switch what := s.What.(type) {
	case Fault:
		return stage.Inject(s.Conn, what, s.For)
	case Refusal:
		return stage.Refuse(s.Conn, what, s.For)
	case DialFault:
		return stage.FailDial(s.Conn, what, s.For)
	}
	return notPlayable(s.What)
}

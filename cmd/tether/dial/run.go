package dial

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway/backend"
	"github.com/tetherws/tether/cmd/tether/terminal"
	"github.com/tetherws/tether/messages"
)

// closing bounds the close handshake.
const closing = 5 * time.Second

// session is one run.
type session struct {
	cfg         Config
	manager     *actors.Manager
	id          messages.ID
	transitions chan messages.EventTransition
	settled     atomic.Int64 // messages that have had their outcome
	lost        atomic.Int64 // those of them that were given up
	failed      chan error   // of stdout
}

// Run holds the connection as the Config says, which must be valid. It blocks
// until stdin ends, and then until every line of it is confirmed; until ctx
// ends; or, with Once, until the connection drops. Then it closes the
// connection with code 1000.
//
// stdin is read on a goroutine that ends no sooner than its reading returns,
// and is not waited for. The error says what was not done.
func Run(ctx context.Context, cfg Config, stdin io.Reader, stdout, stderr io.Writer) error {
	s := &session{
		cfg:         cfg,
		transitions: make(chan messages.EventTransition, 64),
		failed:      make(chan error, 1),
	}
	manager, err := actors.New(cfg.manager(s.event))
	if err != nil {
		return err
	}
	s.manager = manager
	if s.id, err = manager.Dial(ctx, cfg.target(s.handler(stdout))); err == nil {
		err = s.hold(ctx, stdin, stderr)
	}
	s.end()
	if lost := s.lost.Load(); err == nil && lost > 0 {
		return fmt.Errorf("%d messages were not delivered", lost)
	}
	return err
}

// end closes the connection. A peer that does not answer is cut off.
func (s *session) end() {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	_ = s.manager.Close(ctx, s.id, 0, "")
	_ = s.manager.Shutdown(ctx)
}

func (s *session) handler(stdout io.Writer) actors.Handler {
	if s.cfg.Echo {
		return backend.Echo{}
	}
	_, isTerminal := terminal.Of(stdout)
	return actors.OnMessage(printer{stdout, isTerminal, s.fail}.message)
}

func (s *session) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// event is the manager's OnEvent. A transition that nobody has the time to
// tell is left untold.
func (s *session) event(e messages.Event) {
	switch e := e.(type) {
	case messages.EventTransition:
		select {
		case s.transitions <- e:
		default:
		}
	case messages.EventOutcome:
		if e.Outcome == messages.OutcomeRefused || e.Outcome == messages.OutcomeUndelivered {
			s.lost.Add(1)
		}
		s.settled.Add(1)
	}
}

// hold tells what happens until there is a reason to end.
func (s *session) hold(ctx context.Context, stdin io.Reader, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sent := make(chan error, 1)
	if !s.cfg.Echo {
		go func() { sent <- s.send(ctx, stdin) }()
	}
	for {
		select {
		case e := <-s.transitions:
			if s.cfg.Once && down(e.To) {
				return fmt.Errorf("dropped while %v: %w", e.From, e.Cause)
			}
			tell(stderr, e)
		case err := <-sent:
			s.tellRest(stderr)
			return err
		case err := <-s.failed:
			return err
		case <-ctx.Done():
			s.tellRest(stderr)
			return nil
		}
	}
}

// tellRest tells what had happened before the reason to end came.
func (s *session) tellRest(stderr io.Writer) {
	for {
		select {
		case e := <-s.transitions:
			tell(stderr, e)
		default:
			return
		}
	}
}

package demo

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/cmd/tether/terminal"
)

// closing bounds the end of all connections.
const closing = 30 * time.Second

// Run runs the demo as the Config says, which must be valid. It prints the
// result to stdout and what is told in passing to stderr. It blocks until all
// is over, and its goroutines with it. When ctx ends, the storm ends early:
// the connections still recover and the result is still printed.
//
// The error says why the run failed; nil: every connection was open at the
// end and no message was lost.
func Run(ctx context.Context, cfg Config, stdout, stderr io.Writer) error {
	for cfg.Seed == 0 {
		cfg.Seed = rand.Uint64()
	}
	result, err := run(ctx, cfg, stderr)
	if result == nil {
		return err
	}
	if printed := result.print(stdout, cfg.JSON); printed != nil {
		return printed
	}
	return err
}

// run returns a result if the storm took place.
func run(ctx context.Context, cfg Config, stderr io.Writer) (result *Result, err error) {
	start := time.Now()
	server, err := listen()
	if err != nil {
		return nil, err
	}
	defer server.close()
	score := newScore()
	manager, err := actors.New(settings(score.event))
	if err != nil {
		return nil, err
	}
	defer func() {
		if ended := shutdown(manager); err == nil {
			err = ended
		}
	}()
	s := storm{cfg: cfg, server: server, manager: manager, score: score, progress: terminal.NewProgress(stderr)}
	announce(stderr, cfg)
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	if err := s.rage(ctx); err != nil {
		return nil, err
	}
	s.recover()
	result = s.result(time.Since(start))
	return result, result.problems()
}

func shutdown(manager *actors.Manager) error {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	if err := manager.Shutdown(ctx); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	return nil
}

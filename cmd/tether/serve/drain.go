package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tetherws/tether/messages"
)

// report is what became of the connections in the end.
type report struct {
	told int // clients that were closed as they should be
	left int // clients that were not
	err  error
}

// drain tells clients to go, then ends all that is left of the manager's, and
// what its handlers need. Stuck clients leave a quarter of the time to the
// connections that we have dialed.
func (p *parts) drain(cfg Config, log *slog.Logger) error {
	began := time.Now()
	log.Info("draining", "code", cfg.DrainCode, "timeout", cfg.DrainTimeout)
	all, cancel := context.WithTimeout(context.Background(), cfg.DrainTimeout)
	defer cancel()
	clients, cancel := context.WithTimeout(all, cfg.DrainTimeout*3/4)
	defer cancel()
	var r report
	r.told, r.left = p.gateway.Drain(clients, cfg.DrainCode, cfg.DrainSpread)
	r.err = p.end(all)
	return r.tell(log.With("took", time.Since(began)))
}

// tell logs the report, and returns what was left as an error.
func (r report) tell(log *slog.Logger) error {
	var unfinished *messages.ShutdownError
	if !errors.As(r.err, &unfinished) {
		unfinished = new(messages.ShutdownError)
	}
	log = log.With("told", r.told, "left", r.left, "unfinished", len(unfinished.Left), "undelivered", unfinished.Undelivered)
	if r.left == 0 && r.err == nil {
		log.Info("drained")
		return nil
	}
	log.Error("drained, but not all", "cause", r.err)
	if r.left > 0 {
		return errors.Join(fmt.Errorf("%d clients were cut", r.left), r.err)
	}
	return r.err
}

package demo

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/cmd/tether/terminal"
	"github.com/tetherws/tether/messages"
)

// storm is one run.
type storm struct {
	cfg      Config
	server   *server
	manager  *actors.Manager
	ids      []messages.ID
	score    *score
	progress *terminal.Progress
}

// open dials all connections and waits for them to be open.
func (s *storm) open(ctx context.Context) error {
	random := s.random(0)
	for range s.cfg.Connections {
		id := randomID(random)
		if _, err := s.manager.Dial(ctx, actors.Target{ID: id, URL: s.server.url(id.String())}); err != nil {
			return fmt.Errorf("dialing: %w", err)
		}
		s.ids = append(s.ids, id)
	}
	bound := recovery(s.cfg.Connections)
	opened := s.watch(ctx, "opening", bound, func(c counts) bool { return c.states[messages.Open] == len(s.ids) })
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("opening: %w", context.Cause(ctx))
	case !opened:
		return fmt.Errorf("%d of %d connections did not open", len(s.ids)-s.score.snapshot().states[messages.Open], len(s.ids))
	}
	return nil
}

// rage sends and cuts until the duration is over or ctx ends.
func (s *storm) rage(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var both sync.WaitGroup
	var failed error
	both.Go(func() {
		defer cancel()
		failed = s.send(ctx)
	})
	both.Go(func() { s.cut(ctx) })
	s.watch(ctx, "storm", s.cfg.Duration, func(counts) bool { return false })
	cancel()
	both.Wait()
	return failed
}

func (s *storm) send(ctx context.Context) error {
	t := traffic{send: s.manager.Send, ids: s.ids, random: s.random(1), score: s.score, last: make([]uint64, len(s.ids))}
	if err := pace(ctx, s.cfg.Rate, t.next); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	return nil
}

func (s *storm) cut(ctx context.Context) {
	c := chaos{server: s.server, random: s.random(2)}
	for _, id := range s.ids {
		c.ids = append(c.ids, id.String())
	}
	_ = pace(ctx, s.cfg.Drops, func() error { // which never fails
		if c.strike() {
			s.score.add(func(c *counts) { c.drops++ })
		}
		return nil
	})
}

// recover waits until all messages are confirmed and all connections open, in
// the server's eyes too: of a silenced one only that knows at first.
func (s *storm) recover() {
	s.watch(context.Background(), "recovery", recovery(len(s.ids)), func(c counts) bool {
		return c.states[messages.Open] == len(s.ids) && c.confirmed >= c.sent && s.server.witness.Whole() == len(s.ids)
	})
}

// watch shows progress until done says so, and reports true; or until ctx or
// the bound ends, and reports false.
func (s *storm) watch(ctx context.Context, phase string, bound time.Duration, done func(counts) bool) bool {
	ticker := time.NewTicker(terminal.Redraw)
	defer ticker.Stop()
	start := time.Now()
	end := time.NewTimer(bound)
	defer end.Stop()
	for {
		c := s.score.snapshot()
		s.progress.Show(view{phase, time.Since(start), bound, c})
		if done(c) {
			return true
		}
		select {
		case <-ticker.C:
		case <-end.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// random returns one of the independent sources that the seed gives.
func (s *storm) random(stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(s.cfg.Seed, stream))
}

// randomID returns a version 4 UUID (RFC 9562, section 5.4).
func randomID(random *rand.Rand) (id messages.ID) {
	binary.BigEndian.PutUint64(id[:8], random.Uint64())
	binary.BigEndian.PutUint64(id[8:], random.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

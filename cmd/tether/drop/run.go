package drop

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/tetherws/tether/cmd/tether/terminal"
	"github.com/tetherws/tether/supervision/drops"
)

const (
	headerTimeout = 5 * time.Second  // for a request to the control
	readTimeout   = 10 * time.Second // with its body
)

// Run runs the proxy as the Config says, which must be valid. It blocks until
// ctx or the Config's Duration ends, then resets all connections, and prints
// the counts of the moment before to stdout. What is told in passing goes to
// stderr.
//
// The error says what failed.
func Run(ctx context.Context, cfg Config, stdout, stderr io.Writer) error {
	for cfg.Seed == 0 {
		cfg.Seed = rand.Uint64()
	}
	play, err := cfg.timetable()
	if err != nil {
		return err
	}
	s, err := open(cfg)
	if err != nil {
		return err
	}
	s.play, s.progress = play, terminal.NewProgress(stderr)
	announce(stderr, s)
	if cfg.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cfg.Duration)
		defer cancel()
	}
	counts, err := s.run(ctx)
	if err != nil {
		return err
	}
	return report(stdout, counts, cfg.JSON)
}

// session is one run.
type session struct {
	cfg      Config
	proxy    *drops.Proxy
	play     func(context.Context, *drops.Proxy) error // nil: nothing
	progress *terminal.Progress
	clients  net.Listener
	asking   net.Listener // nil: no control
}

// open listens.
func open(cfg Config) (*session, error) {
	proxy, err := drops.NewProxy(cfg.To)
	if err != nil {
		return nil, err
	}
	proxy.Seed = cfg.Seed
	proxy.TLS = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: cfg.Insecure}
	s := &session{cfg: cfg, proxy: proxy}
	if s.clients, err = listen("--listen", cfg.Listen); err != nil {
		return nil, err
	}
	if cfg.Control == "" {
		return s, nil
	}
	if s.asking, err = listen("--control", cfg.Control); err != nil {
		_ = s.clients.Close()
		return nil, err
	}
	return s, nil
}

func listen(flag, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w: choose another address with %s", err, flag)
	}
	return l, nil
}

// run serves until ctx ends or something fails.
func (s *session) run(ctx context.Context) (drops.ProxyCounts, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	control := &http.Server{Handler: s.proxy.Control(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout}
	var parts sync.WaitGroup
	part := func(run func() error) {
		parts.Go(func() {
			if err := run(); err != nil && !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	part(func() error { return s.proxy.Serve(s.clients) })
	if s.asking != nil {
		part(func() error { return control.Serve(s.asking) })
	}
	if s.play != nil {
		part(func() error { return s.play(ctx, s.proxy) })
	}
	counts := s.watch(ctx)
	_ = control.Close()
	_ = s.proxy.Close()
	err := failure(ctx)
	cancel(nil)
	parts.Wait()
	return counts, err
}

// failure is what ended ctx, unless it was meant to end.
func failure(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return nil
	}
	return cause
}

// watch shows how things go until ctx ends, and returns the last counts.
func (s *session) watch(ctx context.Context) drops.ProxyCounts {
	ticker := time.NewTicker(terminal.Redraw)
	defer ticker.Stop()
	start := time.Now()
	for {
		counts := s.proxy.Counts()
		s.progress.Show(view{time.Since(start), counts})
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return s.proxy.Counts()
		}
	}
}

package serve

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/tetherws/tether/cmd/tether/openfiles"
)

const (
	beside  = 200         // open files that are no client's
	leaving = time.Second // for the last answers to be written
)

// Run serves as the Config says, which must be valid. It blocks until ctx ends
// or a listener fails, and then until everything is drained, for about the
// Config's DrainTimeout at most. At SIGHUP it reads certificate and keys again.
// The log goes to stderr. With PrintConfig it only prints, to stdout.
//
// The error says what failed, or what was left.
func Run(ctx context.Context, cfg Config, stdout, stderr io.Writer) error {
	if cfg.PrintConfig {
		return cfg.print(stdout)
	}
	return run(ctx, cfg, listenTCP, cfg.logger(stderr))
}

// session is one run.
type session struct {
	cfg             Config
	log             *slog.Logger
	credentials     *credentials
	parts           *parts
	public, control *server
	stopControl     context.CancelFunc // ends its streams
}

func run(ctx context.Context, cfg Config, listen listen, log *slog.Logger) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups) // first and last: one that is not caught kills
	credentials, err := cfg.credentials()
	if err != nil {
		return err
	}
	s := &session{cfg: cfg, log: log, credentials: credentials}
	if s.public, err = listen.open("--listen", cfg.Listen); err != nil {
		return err
	}
	if s.control, err = listen.open("--control", cfg.Control); err != nil {
		return errors.Join(err, s.public.listener.Close())
	}
	if s.parts, err = compose(cfg, credentials, log); err != nil {
		return errors.Join(err, s.parts.end(ctx), s.public.listener.Close(), s.control.listener.Close())
	}
	s.prepare()
	return s.run(ctx, hangups)
}

// prepare says who serves what. Operators on loopback need no TLS.
func (s *session) prepare() {
	var streams context.Context
	streams, s.stopControl = context.WithCancel(context.Background())
	s.public.prepare(s.cfg, s.credentials.certificate, s.log)
	s.public.forClients(s.parts.gateway)
	certificate := s.credentials.certificate
	if isLoopback(s.cfg.Control) {
		certificate = nil
	}
	s.control.prepare(s.cfg, certificate, s.log)
	s.control.forOperators(streams, s.parts.control)
}

// run serves until ctx ends or a listener fails, and then ends everything.
func (s *session) run(ctx context.Context, hangups <-chan os.Signal) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var serving sync.WaitGroup
	for _, part := range []*server{s.public, s.control} {
		serving.Go(func() {
			if err := part.serve(); !errors.Is(err, http.ErrServerClosed) {
				fail(err)
			}
		})
	}
	s.announce()
	s.reloadUntil(ctx, hangups)
	failed := failure(ctx)
	left := s.parts.drain(s.cfg, s.log)
	s.end()
	serving.Wait()
	return errors.Join(failed, left)
}

// reloadUntil reads credentials again at each hangup until ctx ends.
func (s *session) reloadUntil(ctx context.Context, hangups <-chan os.Signal) {
	for {
		select {
		case <-hangups:
			s.credentials.reload(s.log)
		case <-ctx.Done():
			return
		}
	}
}

// end ends the servers.
func (s *session) end() {
	ctx, cancel := context.WithTimeout(context.Background(), leaving)
	defer cancel()
	s.stopControl()
	s.public.end(ctx)
	s.control.end(ctx)
}

// failure is what ended ctx, unless it was meant to end.
func failure(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// announce says where to connect, and what an operator should know.
func (s *session) announce() {
	authorization, inbound := "none", "discarded"
	if s.credentials.jwt != nil {
		authorization = "jwt"
	}
	switch {
	case s.cfg.Backend != "":
		inbound = "posted to the backend"
	case s.cfg.Echo:
		inbound = "echoed"
	}
	s.log.Info("clients connect here", "url", s.public.url("ws", s.cfg.Path), "authorization", authorization, "messages", inbound)
	s.log.Info("operators connect here", "url", s.control.url("http", "/"))
	if limit, need := openfiles.Limit(), uint64(s.cfg.MaxConnections)+beside; limit < need {
		s.log.Warn("--max-connections may not be reached: the limit of open files is too low", "limit", limit, "need", need)
	}
	if !isLoopback(s.cfg.Control) && s.control.TLSConfig == nil {
		s.log.Warn("the control token travels in clear: use --tls-cert, or a proxy with TLS")
	}
}

package serve

import (
	"context"
	"io"
	"net"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
)

// RunOn is Run on listeners of the test's own.
func RunOn(ctx context.Context, cfg Config, listen func(addr string) (net.Listener, error), stderr io.Writer) error {
	return run(ctx, cfg, listen, cfg.logger(stderr))
}

// Told returns what manager and gateway are told, but for functions, the feed
// and the log.
func Told(cfg Config) (actors.Config, gateway.Config) {
	m := cfg.manager(nil, new(gateway.Feed), nil)
	m.OnEvent = nil
	return m, cfg.gateway(&credentials{token: cfg.ControlToken}, nil, nil)
}

package drop

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

// slots is how many connections a mix is for.
const slots = 1000

// timetable returns what is played on the proxy; nil: nothing. What can fail
// fails here.
func (c Config) timetable() (func(context.Context, *drops.Proxy) error, error) {
	switch {
	case c.Script != "":
		script, err := readScript(c.Script)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, p *drops.Proxy) error { return script.Play(ctx, p, nil) }, nil
	case c.Mix.mix != nil:
		first, err := c.script(0)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, p *drops.Proxy) error { return c.playMix(ctx, first, p) }, nil
	}
	return nil, nil
}

func (c Config) script(run uint64) (drops.Script, error) {
	script, err := drops.NewScript(c.Seed+run, slots, c.For, c.Mix.mix)
	if err != nil {
		return script, fmt.Errorf("--mix: %w", err)
	}
	return script, nil
}

// playMix plays one script after another until ctx ends.
func (c Config) playMix(ctx context.Context, script drops.Script, p *drops.Proxy) (err error) {
	lengths := time.NewTicker(c.For)
	defer lengths.Stop()
	for run := uint64(1); ; run++ {
		if err := script.Play(ctx, slot{p}, nil); err != nil {
			return err
		}
		if script, err = c.script(run); err != nil {
			return err
		}
		select {
		case <-lengths.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// slot is the stage of a mix. A number that no live connection has is spared:
// modulo their number, few connections would meet the faults of all slots.
type slot struct{ *drops.Proxy }

func (s slot) Inject(n int, f drops.Fault, d time.Duration) error {
	if err := s.taken(n); err != nil {
		return err
	}
	return s.Proxy.Inject(n, f, d)
}

func (s slot) Refuse(n int, r drops.Refusal, d time.Duration) error {
	if err := s.taken(n); err != nil {
		return err
	}
	return s.Proxy.Refuse(n, r, d)
}

func (s slot) FailDial(n int, f drops.DialFault, d time.Duration) error {
	if err := s.taken(n); err != nil {
		return err
	}
	return s.Proxy.FailDial(n, f, d)
}

func (s slot) taken(n int) error {
	if n >= s.Counts().Live {
		return fmt.Errorf("connection number %d: %w", n, net.ErrClosed)
	}
	return nil
}

package drops

import (
	"errors"
	"time"
)

// instant holds what can be judged only when an instant is over: what happens
// at one instant comes in any order.
type instant struct {
	at     time.Duration
	checks []func() error
}

// pass goes on to at. If that is later it judges what was left until the end
// of the instant before.
func (i *instant) pass(at time.Duration) error {
	if at == i.at {
		return nil
	}
	i.at = at
	return i.judge()
}

func (i *instant) atEnd(check func() error) { i.checks = append(i.checks, check) }

func (i *instant) judge() error {
	if len(i.checks) == 0 {
		return nil
	}
	var errs []error
	for _, check := range i.checks {
		errs = append(errs, check())
	}
	i.checks = nil
	return errors.Join(errs...)
}

package backend

import (
	"context"
	"errors"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
)

// While the outbox is full it is asked again and again, ever less often.
const (
	firstPause   = 100 * time.Microsecond
	longestPause = 20 * time.Millisecond
)

// sendBack sends m to the peer that c had when it was received, and waits
// while the outbox is full, until ctx ends. Of the errors of Send it returns
// ErrQueueFull only then.
func sendBack(ctx context.Context, c actors.Conn, m messages.Message) error {
	m.Incarnation = c.Incarnation()
	if c.Subprotocol() == actors.Resumption {
		m.Incarnation = 0 // the next socket is the same peer's
	}
	err := c.Send(m)
	for pause := firstPause; errors.Is(err, messages.ErrQueueFull); pause = min(2*pause, longestPause) {
		if !sleep(ctx, pause) {
			return err
		}
		err = c.Send(m)
	}
	return err
}

// gone reports whether err of sendBack says that there is nobody left to send
// to.
func gone(err error) bool {
	return errors.Is(err, messages.ErrExpired) || errors.Is(err, messages.ErrClosed) ||
		errors.Is(err, messages.ErrShutdown)
}

// sleep waits for d. It reports false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

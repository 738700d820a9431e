//go:build unix

package benchmarks_test

import (
	"context"
	"errors"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

// tether is a manager and the connections that it dialed.
type tether struct {
	manager *actors.Manager
	ids     []messages.ID
}

func openTether(url string, n int, heartbeat bool) (fleet, error) {
	manager, err := actors.New(actors.Config{
		Heartbeat: actors.Heartbeat{Off: !heartbeat},
		// There is nobody to spare here, and the hub spares nobody.
		Governor: supervision.Limits{Concurrent: 64, PoolConcurrent: 64, PerSecond: 1e6, PoolPerSecond: 1e6},
	})
	if err != nil {
		return nil, err
	}
	t := &tether{manager: manager}
	if err := t.dial(url, n); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *tether) dial(url string, n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for range n {
		id, err := t.manager.Dial(ctx, actors.Target{URL: url})
		if err != nil {
			return err
		}
		t.ids = append(t.ids, id)
	}
	for _, id := range t.ids {
		if err := t.manager.Wait(ctx, id, messages.Open); err != nil {
			return err
		}
	}
	return nil
}

func (t *tether) send(i int, payload []byte) error {
	return t.manager.Send(t.ids[i], messages.Binary(payload))
}

func (t *tether) written(i int) uint64 {
	info, _ := t.manager.Info(t.ids[i])
	return info.Written
}

func (t *tether) beaten(i int) bool {
	info, _ := t.manager.Info(t.ids[i])
	return info.RTT > 0
}

func (t *tether) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := t.manager.Shutdown(ctx)
	// A server that discards all answers no close frame either.
	if left := new(messages.ShutdownError); errors.As(err, &left) && left.Undelivered == 0 {
		return nil
	}
	return err
}

package gateway

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
)

// Ready reports whether the gateway accepts clients: until Drain or Close.
func (g *Gateway) Ready() bool { return g.sockets.taking() }

// Drain has the gateway end: it is no longer ready, new handshakes get 503,
// and each client that it has accepted is closed with code (1012 or 1001; 0 is
// 1012), in random order, spread evenly over spread, so that they do not come
// back as one herd. The spread is at most half of the time that ctx leaves.
// Handshakes that were under way are waited for, and told at once.
//
// It returns when all are closed or ctx has ended, which cuts those that have
// not answered: with how many were told, and how many were left: cut, not
// told, or still shaking hands. Clients that leave by themselves count as neither. Dialed connections
// and those that wait for a client's return stay: the manager's Shutdown ends
// them.
func (g *Gateway) Drain(ctx context.Context, code int, spread time.Duration) (told, left int) {
	if code == 0 {
		code = websocket.CloseServiceRestart
	}
	landed := g.sockets.end()
	d := &drain{g: g, ctx: ctx, code: code, seen: make(map[*socket]messages.ID)}
	d.tell(within(ctx, spread))
	select {
	case <-landed:
	case <-ctx.Done():
	}
	d.left.Add(int64(d.tell(0)))
	d.running.Wait()
	return int(d.told.Load()), int(d.left.Load())
}

// within is spread, or half of what ctx leaves if that is less.
func within(ctx context.Context, spread time.Duration) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		spread = min(spread, time.Until(deadline)/2)
	}
	return max(spread, 0)
}

// drain is one call of Drain.
type drain struct {
	g       *Gateway
	ctx     context.Context
	code    int
	seen    map[*socket]messages.ID
	running sync.WaitGroup // closes; each has its own, so that no client delays another

	told, left atomic.Int64
}

// tell begins to close the sockets that it has not seen yet. It returns how
// many handshakes were under way when it began.
func (d *drain) tell(spread time.Duration) (arriving int) {
	ids, arriving := d.unseen()
	start, step := time.Now(), spread/time.Duration(max(len(ids), 1))
	for i, id := range ids {
		if !sleep(d.ctx, time.Until(start.Add(time.Duration(i)*step))) {
			d.left.Add(int64(len(ids) - i))
			break
		}
		d.running.Go(func() { d.close(id) })
	}
	return arriving
}

// unseen returns the connections of new sockets, in random order, and how many
// handshakes are under way.
func (d *drain) unseen() (ids []messages.ID, arriving int) {
	opened, arriving := d.g.sockets.opened()
	for c, id := range opened {
		if _, ok := d.seen[c]; !ok {
			d.seen[c] = id
			ids = append(ids, id)
		}
	}
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids, arriving
}

func (d *drain) close(id messages.ID) {
	switch err := d.g.fleet.Close(d.ctx, id, d.code, "going down"); {
	case err == nil:
		d.told.Add(1)
	case errors.Is(err, messages.ErrClosed) || errors.Is(err, messages.ErrUnknownConnection): // has left
	default:
		d.left.Add(1)
	}
}

// sleep reports false if ctx has ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package actors

import (
	"context"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
)

// shutdown is the end of a manager.
type shutdown struct {
	done chan struct{} // closed at the end
	err  error         // set before done is closed
}

// Shutdown ends the manager, in this order and never waiting for a handler
// beyond ctx: Dial, Accept and Send are refused with [messages.ErrShutdown];
// connections without a socket are closed at once; the open ones write their
// queue, have it confirmed and close with 1001, or are cut when ctx ends;
// every goroutine is joined. Drills are over at once.
//
// It returns nil, or a *[messages.ShutdownError] that says what was left. A
// second call waits for the first, until its own ctx ends.
func (m *Manager) Shutdown(ctx context.Context) error {
	m.gate.Lock()
	first := !m.stopping.Swap(true)
	m.gate.Unlock()
	if first {
		m.shutdown.err = m.end(ctx)
		close(m.shutdown.done)
		return m.shutdown.err
	}
	select {
	case <-m.shutdown.done:
		return m.shutdown.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *Manager) end(ctx context.Context) error {
	m.EndDrills() // or what they hold back would be lost
	all := m.table.all()
	var closes sync.WaitGroup
	for _, r := range all {
		closes.Go(func() { _ = r.closeAndWait(ctx, websocket.CloseGoingAway, "", true) })
	}
	closes.Wait()
	m.governor.Close()
	m.system.Root.Send(m.supervisor, leave{})
	<-m.supervisorGone
	m.pacemaker.stop()
	m.table.graves.stop()
	joined := m.join(ctx)
	m.process.stop()
	m.system.Shutdown()
	return m.report(all, joined)
}

// join waits for the goroutines of all connections and reports whether they
// ended before ctx.
func (m *Manager) join(ctx context.Context) bool {
	joined := make(chan struct{})
	go func() {
		m.running.Wait()
		close(joined)
	}()
	select {
	case <-joined:
		return true
	case <-ctx.Done():
	}
	select { // both may have happened
	case <-joined:
		return true
	default:
		return false
	}
}

// report says which connections did not close in order and what was lost.
func (m *Manager) report(all []*record, joined bool) error {
	var e messages.ShutdownError
	for _, r := range all {
		r.mu.Lock()
		cut := r.closing != nil && r.closing.late && r.closing.fault == nil
		if cut || !joined && (r.inbox.running || r.calling != nil) {
			e.Left = append(e.Left, r.id)
		}
		e.Undelivered += r.end.Undelivered
		r.mu.Unlock()
	}
	if len(e.Left) == 0 && e.Undelivered == 0 {
		return nil
	}
	return &e
}

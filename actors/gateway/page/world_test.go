package page_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
	"github.com/tetherws/tether/supervision/drops"
)

// pageWorld is a manager, and a plain gorilla server that it dials, on an
// in-memory network. It works in a bubble and outside.
type pageWorld struct {
	t     testing.TB
	net   *drops.Network
	gate  *drops.Gate
	m     *actors.Manager
	fleet *pageFleet
	feed  *gateway.Feed

	mu   sync.Mutex
	read []string // what the server has read
}

const upstream = "server:80"

func newPageWorld(t testing.TB) *pageWorld {
	w := &pageWorld{t: t, net: drops.NewNetwork(), feed: &gateway.Feed{}}
	w.gate = drops.NewGate(http.HandlerFunc(w.echo))
	l, err := w.net.Listen(upstream)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: w.gate, ReadHeaderTimeout: time.Minute}
	go server.Serve(l)
	w.fleet = &pageFleet{}
	w.m, err = actors.New(actors.Config{
		OnEvent:  func(e messages.Event) { w.fleet.count(e); w.feed.Publish(e) },
		Drills:   true,
		Governor: supervision.Limits{PerSecond: 1e5, PoolPerSecond: 1e5, DeadAfter: 1e6}, // nothing waits for its turn
	})
	if err != nil {
		t.Fatal(err)
	}
	w.fleet.Fleet = gateway.Local(w.m)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), bound)
		defer cancel()
		_ = w.m.Shutdown(ctx)
		server.Close()
		for _, c := range w.net.Conns() {
			c.Close()
			c.Other().Close()
		}
	})
	return w
}

// echo sends back what arrives, and keeps it.
func (w *pageWorld) echo(rw http.ResponseWriter, r *http.Request) {
	ws, err := new(websocket.Upgrader).Upgrade(rw, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	for {
		kind, data, err := ws.ReadMessage()
		if err != nil {
			return
		}
		w.mu.Lock()
		w.read = append(w.read, string(data))
		w.mu.Unlock()
		if ws.WriteMessage(kind, data) != nil {
			return
		}
	}
}

func (w *pageWorld) got() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.read...)
}

// dial holds one more connection with the labels, and waits until it is open.
func (w *pageWorld) dial(labels map[string]string) messages.ID {
	w.t.Helper()
	id := w.register(labels)
	w.wait(id, messages.Open)
	return id
}

func (w *pageWorld) register(labels map[string]string) messages.ID {
	w.t.Helper()
	id, err := w.m.Dial(context.Background(), actors.Target{
		URL:    "ws://" + upstream + "/",
		Dialer: &websocket.Dialer{NetDialContext: w.net.DialContext},
		Labels: labels,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *pageWorld) wait(id messages.ID, s messages.State) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	if err := w.m.Wait(ctx, id, s); err != nil {
		w.t.Fatalf("waiting for %v: %v", s, err)
	}
}

// strike puts a fault on the connection.
func (w *pageWorld) strike(id messages.ID, f drops.Fault) {
	w.t.Helper()
	if _, err := w.m.Drill(actors.Drill{ID: id, Fault: f, For: time.Hour}); err != nil {
		w.t.Fatal(err)
	}
}

// pageFleet counts by what it is told.
type pageFleet struct {
	gateway.Fleet

	asked atomic.Int64  // calls of Stats
	stall time.Duration // of each

	mu    sync.Mutex
	stats messages.Stats
	err   error // of Stats
}

func (f *pageFleet) count(e messages.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch e := e.(type) {
	case messages.EventTransition:
		f.stats.Connections[e.To]++
		if e.From != 0 {
			f.stats.Connections[e.From]--
		}
		if e.To == messages.Open {
			f.stats.Opened++
		}
		if e.From == messages.Open && e.Cause != nil {
			f.stats.Dropped++
		}
	case messages.EventOutcome:
		f.stats.Outcomes[e.Outcome]++
	}
}

// change lets the test set the counts.
func (f *pageFleet) change(to func(*messages.Stats)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	to(&f.stats)
}

func (f *pageFleet) Stats(ctx context.Context) (messages.Stats, error) {
	f.asked.Add(1)
	if f.stall > 0 {
		select {
		case <-time.After(f.stall):
		case <-ctx.Done():
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return messages.Stats{}, f.err
	}
	return f.stats, nil
}

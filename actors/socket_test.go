package actors_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
	"github.com/tetherws/tether/supervision/drops"
)

// These tests run on real sockets and real time. They judge by what comes to
// pass, within one generous bound.
const patience = time.Minute

// quick reconnects without much ado.
var quick = supervision.Policy{Backoff: supervision.Backoff{Min: 5 * time.Millisecond, Max: 50 * time.Millisecond}}

// host is a server on a loopback port, which can be killed.
type host struct {
	t       *testing.T
	addr    string
	handler http.Handler
	server  *http.Server
	sockets *drops.Listener
}

func newHost(t *testing.T, h http.HandlerFunc) *host {
	s := &host{t: t, addr: "127.0.0.1:0", handler: h}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *host) start() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = l.Addr().String()
	s.sockets = drops.Listen(l)
	s.server = &http.Server{Handler: s.handler, ReadHeaderTimeout: patience}
	go s.server.Serve(s.sockets)
}

func (s *host) kill() {
	_ = s.server.Close()
	for _, c := range s.sockets.Conns() {
		_ = c.Close()
	}
}

func (s *host) url() string { return "ws://" + s.addr + "/" }

// upgraded serves each socket with f.
func upgraded(f func(*websocket.Conn, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		f(ws, r)
	}
}

func echoes(ws *websocket.Conn, _ *http.Request) {
	for {
		kind, data, err := ws.ReadMessage()
		if err != nil || ws.WriteMessage(kind, data) != nil {
			return
		}
	}
}

// manager returns a manager that is shut down at the end, and a context that
// ends with the test's patience.
func manager(t *testing.T, config actors.Config) (*actors.Manager, context.Context) {
	t.Helper()
	m, err := actors.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(func() {
		defer cancel()
		short, stop := context.WithTimeout(ctx, 2*time.Second)
		defer stop()
		_ = m.Shutdown(short)
	})
	return m, ctx
}

func opens(ctx context.Context, t *testing.T, m *actors.Manager, target actors.Target) messages.ID {
	t.Helper()
	id, err := m.Dial(ctx, target)
	if err != nil {
		t.Fatal(err)
	}
	reaches(ctx, t, m, id, messages.Open)
	return id
}

func reaches(ctx context.Context, t *testing.T, m *actors.Manager, id messages.ID, states ...messages.State) messages.Info {
	t.Helper()
	if err := m.Wait(ctx, id, states...); err != nil {
		info, _ := m.Info(id)
		t.Fatalf("waiting for %v: %v, history %v", states, err, info.History)
	}
	info, _ := m.Info(id)
	return info
}

func sure(s string) messages.Message {
	m := messages.Text(s)
	m.Guarantee = messages.AtLeastOnce
	return m
}

func TestSocketsSurviveAServerThatIsKilledAndRestarted(t *testing.T) {
	server := newHost(t, upgraded(echoes))
	m, ctx := manager(t, actors.Config{Restart: quick})
	var ids []messages.ID
	for range 20 {
		ids = append(ids, opens(ctx, t, m, actors.Target{URL: server.url()}))
	}
	server.kill()
	for _, id := range ids {
		reaches(ctx, t, m, id, messages.Backoff, messages.Connecting)
		if err := m.Send(id, sure("while it is down")); err != nil {
			t.Fatal(err)
		}
	}
	server.start()
	for _, id := range ids {
		if err := m.Deliver(ctx, id, sure("up again")); err != nil {
			t.Errorf("%v: %v", id, err)
		}
		if info, _ := m.Info(id); info.Confirmed != 2 || info.Incarnation < 2 {
			t.Errorf("%d confirmed, incarnation %d", info.Confirmed, info.Incarnation)
		}
	}
}

func TestASocketThatIsResetComesBack(t *testing.T) {
	server := newHost(t, upgraded(echoes))
	m, ctx := manager(t, actors.Config{Restart: quick})
	id := opens(ctx, t, m, actors.Target{URL: server.url()})
	for n := range 5 {
		_ = drops.Reset{}.Inject(server.sockets.Conns()[0])
		if err := m.Deliver(ctx, id, sure("x")); err != nil {
			t.Error(err)
		}
		if info, _ := m.Info(id); info.Incarnation < uint64(n+1) {
			t.Errorf("incarnation %d after %d resets", info.Incarnation, n+1)
		}
	}
}

func TestAHalfOpenSocketIsFound(t *testing.T) {
	var first atomic.Bool
	release := make(chan struct{})
	defer close(release)
	server := newHost(t, upgraded(func(ws *websocket.Conn, r *http.Request) {
		if first.CompareAndSwap(false, true) {
			<-release // it is never read
			return
		}
		echoes(ws, r)
	}))
	causes := make(chan error, 100)
	m, ctx := manager(t, actors.Config{
		Restart: quick, Heartbeat: actors.Heartbeat{Idle: 50 * time.Millisecond, Timeout: 200 * time.Millisecond},
		OnEvent: func(e messages.Event) {
			if e, ok := e.(messages.EventTransition); ok && e.To == messages.Backoff {
				causes <- e.Cause
			}
		},
	})
	id := opens(ctx, t, m, actors.Target{URL: server.url()})
	if err := m.Deliver(ctx, id, sure("x")); err != nil {
		t.Error(err)
	}
	if err := <-causes; !errors.Is(err, messages.ErrHeartbeatTimeout) {
		t.Errorf("cause %v", err)
	}
}

func TestARefused401IsAskedAfreshOnceAndThenParks(t *testing.T) {
	var asked atomic.Int32
	server := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer 3" {
			upgraded(echoes)(w, r)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	})
	m, ctx := manager(t, actors.Config{})
	id, err := m.Dial(ctx, actors.Target{Request: func(context.Context, messages.Attempt) (string, http.Header, error) {
		return server.url(), http.Header{"Authorization": {fmt.Sprint("Bearer ", asked.Add(1))}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	info := reaches(ctx, t, m, id, messages.Parked)
	wait := info.NextAttempt.Sub(info.Since).Round(time.Second)
	if n := asked.Load(); n != 2 || wait != 5*time.Minute {
		t.Errorf("asked %d times, parked for %v", n, wait)
	}
	if err := m.Retry(id); err != nil {
		t.Error(err)
	}
	reaches(ctx, t, m, id, messages.Open)
}

func TestARetryAfterIsHeeded(t *testing.T) {
	var full atomic.Bool
	full.Store(true)
	server := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		if full.Swap(false) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		upgraded(echoes)(w, r)
	})
	m, ctx := manager(t, actors.Config{Restart: quick})
	start := time.Now()
	id := opens(ctx, t, m, actors.Target{URL: server.url()})
	if took := time.Since(start); took < time.Second {
		t.Errorf("was back after %v", took)
	}
	if info, _ := m.Info(id); info.Incarnation != 2 {
		t.Errorf("incarnation %d", info.Incarnation)
	}
}

func TestAStalledReaderAmongHealthyOnesDoesNotSlowThem(t *testing.T) {
	release := make(chan struct{})
	server := newHost(t, upgraded(func(ws *websocket.Conn, r *http.Request) {
		if r.URL.Query().Has("stalled") {
			<-release
			return
		}
		echoes(ws, r)
	}))
	defer close(release)
	m, ctx := manager(t, actors.Config{WriteTimeout: patience, Heartbeat: actors.Heartbeat{Timeout: patience}})
	stalled := opens(ctx, t, m, actors.Target{URL: server.url() + "?stalled"})
	var healthy []messages.ID
	for range 20 {
		healthy = append(healthy, opens(ctx, t, m, actors.Target{URL: server.url()}))
	}
	big := messages.Binary(make([]byte, 64<<10))
	fill := func() {
		for m.Send(stalled, big) == nil {
		}
	}
	for range 50 {
		fill()
		for _, id := range healthy {
			if err := m.Send(id, messages.Text("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, id := range healthy {
		if err := m.Deliver(ctx, id, messages.Text("last")); err != nil {
			t.Error(err)
		}
	}
	if info, _ := m.Info(stalled); info.State != messages.Open {
		t.Errorf("the stalled one is %v", info.State)
	}
}

func TestAPeerOnARealSocketReadsWhyItWasClosedWhileItStillSends(t *testing.T) {
	const size = 8 << 20
	read := make(chan error, 2)
	talk := func(ws *websocket.Conn) {
		defer ws.Close()
		go ws.WriteMessage(websocket.BinaryMessage, make([]byte, size))
		_, _, err := ws.ReadMessage()
		read <- err
	}
	m, ctx := manager(t, actors.Config{})
	server := newHost(t, upgraded(func(ws *websocket.Conn, _ *http.Request) { talk(ws) }))
	opens(ctx, t, m, actors.Target{URL: server.url()})

	own := newHost(t, m.ServeHTTP)
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, own.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	go talk(ws)
	for range 2 {
		if err := <-read; !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
			t.Errorf("the peer read %v", err)
		}
	}
}

func TestTwoHundredSocketsUnderRandomDrops(t *testing.T) {
	const connections, rounds = 200, 10
	var (
		mu  sync.Mutex
		got = map[string]int{}
	)
	server := newHost(t, upgraded(func(ws *websocket.Conn, r *http.Request) {
		for {
			_, data, err := ws.ReadMessage()
			if err != nil {
				return
			}
			mu.Lock()
			got[r.URL.RawQuery+" "+string(data)]++
			mu.Unlock()
		}
	}))
	m, ctx := manager(t, actors.Config{
		Restart:   quick,
		Heartbeat: actors.Heartbeat{Idle: 100 * time.Millisecond, Timeout: 500 * time.Millisecond},
		Governor:  supervision.Limits{PerSecond: 2000, PoolPerSecond: 2000, PoolConcurrent: 100},
	})
	ids := make([]messages.ID, connections)
	for i := range ids {
		ids[i] = opens(ctx, t, m, actors.Target{URL: fmt.Sprintf("%s?%d", server.url(), i)})
	}
	random := rand.New(rand.NewPCG(3, 4))
	faults := []drops.Fault{
		drops.Reset{}, drops.Silence{}, drops.Torn{After: 1}, drops.CloseCode{Code: 1001}, drops.CloseCode{Code: 4000},
	}
	for n := range rounds {
		for _, id := range ids {
			if err := m.Send(id, sure(fmt.Sprint(n))); err != nil {
				t.Fatal(err)
			}
		}
		all := server.sockets.Conns()
		for range 20 {
			if len(all) > 0 {
				_ = faults[random.IntN(len(faults))].Inject(all[random.IntN(len(all))])
			}
		}
	}
	for _, id := range ids {
		if err := m.Deliver(ctx, id, sure("last")); err != nil && !errors.Is(err, messages.ErrUnconfirmed) {
			t.Error(err)
		}
		for { // the last one may have met a drop
			reaches(ctx, t, m, id, messages.Open)
			if info, _ := m.Info(id); info.Confirmed == rounds+1 {
				break
			}
			if ctx.Err() != nil {
				t.Fatal(ctx.Err())
			}
			_ = m.Deliver(ctx, id, messages.Text("wait"))
		}
	}
	mu.Lock()
	defer mu.Unlock()
	lost := 0
	for i := range ids {
		for n := range rounds {
			if got[fmt.Sprintf("%d %d", i, n)] == 0 {
				lost++
			}
		}
	}
	if lost > 0 {
		t.Errorf("%d messages were lost", lost)
	}
}

func TestManyClientsAreAcceptedAndLeave(t *testing.T) {
	ended := make(chan error, 300)
	m, ctx := manager(t, actors.Config{Handler: &acts{
		message: func(c actors.Conn, m messages.Message) error { return c.Send(m) },
		closed:  func(_ actors.Conn, err error) { ended <- err },
	}})
	server := newHost(t, m.ServeHTTP)
	var clients sync.WaitGroup
	for i := range 100 {
		clients.Go(func() {
			ws, _, err := websocket.DefaultDialer.DialContext(ctx, server.url(), nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer ws.Close()
			want := strings.Repeat("x", i*500)
			_ = ws.WriteMessage(websocket.TextMessage, []byte(want))
			if _, data, err := ws.ReadMessage(); string(data) != want || err != nil {
				t.Errorf("%d bytes of %d, %v", len(data), len(want), err)
			}
			if i%2 == 0 {
				_ = ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4000, ""))
			}
		})
	}
	clients.Wait()
	remote := 0
	for range 100 {
		var end *messages.CloseError
		if err := <-ended; errors.As(err, &end) && end.Remote && end.Code == 4000 {
			remote++
		}
	}
	if remote != 50 {
		t.Errorf("%d close frames were told, want 50", remote)
	}
	for info := range m.Connections() {
		t.Errorf("%v is left, %v", info.ID, info.State)
	}
}

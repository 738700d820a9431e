package actors_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestStatsAddUpToTheInfoOfAllConnections(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			config := actors.Config{Outbox: actors.Outbox{Messages: 20}, Restart: exact}
			bubble(t, config, func(t *testing.T, w *world) {
				s := &statsTraffic{world: w, random: rand.New(rand.NewPCG(seed, 1)), addr: w.front(w.m.ServeHTTP)}
				for range 400 { // less than the minute for which the closed are remembered
					s.step()
					w.statsAddUp()
				}
				s.end()
				w.statsAddUp()
				s.showedAll(w.m.Stats())
			})
		})
	}
}

// statsAddUp asserts that Stats are what events and Info say.
func (w *world) statsAddUp() {
	w.t.Helper()
	synctest.Wait()
	var want messages.Stats
	ids := w.statsEvents(&want)
	for id := range ids {
		i, _ := w.m.Info(id)
		if i.State == messages.Closed {
			want.Closed++
		} else {
			want.Connections[i.State]++
		}
		want.Admitted += i.Admitted
		want.Received += i.Received
		for outcome, n := range [...]uint64{0, i.Written, i.Confirmed, i.Expired, i.Replaced, i.Refused, i.Withdrawn, i.Undelivered} {
			want.Outcomes[outcome] += n
		}
	}
	got := w.m.Stats()
	want.RTT, want.WrittenBytes, want.ReceivedBytes = got.RTT, got.WrittenBytes, got.ReceivedBytes
	if !reflect.DeepEqual(got, want) {
		w.t.Fatalf("stats are\n%+v, want\n%+v", got, want)
	}
}

// statsEvents counts the transitions so far and returns all IDs there were.
func (w *world) statsEvents(s *messages.Stats) map[messages.ID]bool {
	w.events.mu.Lock()
	defer w.events.mu.Unlock()
	ids := make(map[messages.ID]bool)
	for _, t := range w.events.transitions {
		ids[t.ID] = true
		if t.To == messages.Open {
			s.Opened++
		}
		if t.Dropped() {
			s.Dropped++
		}
	}
	return ids
}

// statsTraffic is what happens to a busy manager.
type statsTraffic struct {
	*world
	random  *rand.Rand
	addr    string // of the manager
	ids     []messages.ID
	clients []*websocket.Conn
	calls   sync.WaitGroup
}

func (s *statsTraffic) step() {
	s.pause(50 * time.Millisecond)
	switch s.random.IntN(24) {
	case 0, 1:
		s.ids = append(s.ids, s.start(s.target()))
	case 2, 3:
		ws := s.world.calls(s.addr)
		s.clients = append(s.clients, ws)
		s.calls.Go(func() {
			for _, _, err := ws.ReadMessage(); err == nil; _, _, err = ws.ReadMessage() {
			}
			ws.Close()
		})
		synctest.Wait()
		s.ids = s.ids[:0]
		for i := range s.m.Connections() {
			s.ids = append(s.ids, i.ID)
		}
	case 4:
		faults := []drops.Fault{drops.Reset{}, drops.FIN{}, drops.Stall{}, drops.Torn{After: s.random.IntN(200)}}
		if all := s.net.Conns(); len(all) > 0 {
			_ = faults[s.random.IntN(len(faults))].Inject(all[s.random.IntN(len(all))])
		}
	case 5:
		id := s.some()
		s.calls.Go(func() { _ = s.m.Close(s.within(time.Second), id, 4000, "") })
	case 6:
		id := s.some()
		s.calls.Go(func() { _ = s.m.Deliver(s.within(time.Second), id, atLeastOnce("deliver")) })
	case 7:
		s.gate.Refuse(s.random.IntN(3), drops.Refuse{Status: http.StatusBadGateway})
	case 8:
		if len(s.clients) > 0 {
			s.clients[s.random.IntN(len(s.clients))].Close()
		}
	case 9, 10, 11:
		if len(s.clients) > 0 {
			_ = s.clients[s.random.IntN(len(s.clients))].WriteMessage(websocket.TextMessage, []byte("in"))
		}
	default:
		id := s.some()
		for range s.random.IntN(30) {
			_ = s.m.Send(id, s.message())
		}
	}
}

func (s *statsTraffic) some() (id messages.ID) {
	if len(s.ids) > 0 {
		id = s.ids[s.random.IntN(len(s.ids))]
	}
	return id
}

func (s *statsTraffic) message() messages.Message {
	m := messages.Text(strings.Repeat("x", s.random.IntN(300)))
	m.Guarantee = messages.Guarantee(s.random.IntN(2))
	switch s.random.IntN(4) {
	case 0:
		m.Key = fmt.Sprint(s.random.IntN(3))
	case 1:
		m.TTL = time.Duration(1+s.random.IntN(1000)) * time.Millisecond
	}
	return m
}

func (s *statsTraffic) end() {
	for _, ws := range s.clients {
		ws.Close()
	}
	s.calls.Wait()
}

// showedAll asserts that the run was one that can show something.
func (s *statsTraffic) showedAll(got messages.Stats) {
	s.t.Helper()
	for _, o := range []messages.Outcome{messages.OutcomeWritten, messages.OutcomeConfirmed, messages.OutcomeExpired, messages.OutcomeReplaced, messages.OutcomeUndelivered} {
		if got.Outcomes[o] == 0 {
			s.t.Errorf("no message was %v", o)
		}
	}
	if got.Closed == 0 || got.Dropped == 0 || got.Received == 0 || got.ReceivedBytes == 0 || got.WrittenBytes == 0 || got.RTT.Count() == 0 {
		s.t.Errorf("nothing happened: %+v", got)
	}
}

func TestStatsCountEachConnectionInOneStateAtAnyMoment(t *testing.T) {
	const n = 30
	var (
		m       atomic.Pointer[actors.Manager]
		looked  atomic.Int64
		audited = func(messages.Event) {
			m := m.Load()
			if m == nil {
				return
			}
			s := m.Stats()
			var ended uint64
			for _, each := range s.Outcomes {
				ended += each
			}
			if s.Held() != n || s.Admitted < ended {
				t.Errorf("%d connections of %d, %d messages of which %d ended", s.Held(), n, s.Admitted, ended)
			}
			looked.Add(1)
		}
	)
	bubble(t, actors.Config{Restart: exact, OnEvent: audited}, func(t *testing.T, w *world) {
		var senders sync.WaitGroup
		ids := w.fleet(n)
		m.Store(w.m)
		for range 20 {
			for _, id := range ids {
				senders.Go(func() { w.send(id, messages.Text("x")) })
			}
			for _, c := range w.net.Conns() {
				_ = drops.Reset{}.Inject(c)
			}
			senders.Wait()
			w.pause(2 * time.Second)
		}
		synctest.Wait() // or the shutdown would be looked at
		m.Store(nil)
		if looked.Load() < 20*n {
			t.Errorf("looked %d times only", looked.Load())
		}
	})
}

func TestWrittenBytesAreThoseThatMayHaveLeft(t *testing.T) {
	for name, c := range map[string]struct {
		message       func(string) messages.Message
		before, after uint64 // the second opening
	}{
		"AtMostOnce":  {atMostOnce, 200, 300},
		"AtLeastOnce": {atLeastOnce, 200, 500}, // what was begun is written again
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
				w.serves(sink)
				id, release := w.held(w.tears(w.target(), 150))
				for range 3 {
					w.send(id, c.message(strings.Repeat("x", 100)))
				}
				if got := w.m.Stats().WrittenBytes; got != 0 {
					t.Errorf("%d bytes before the opening", got)
				}
				release()
				w.wait(id, messages.Backoff)
				if got := w.m.Stats().WrittenBytes; got != c.before {
					t.Errorf("%d bytes on the torn socket, want %d", got, c.before)
				}
				w.wait(id, messages.Open)
				synctest.Wait()
				if got := w.m.Stats().WrittenBytes; got != c.after {
					t.Errorf("%d bytes in all, want %d", got, c.after)
				}
			})
		})
	}
}

func TestReceivedBytesArePayload(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		w.send(id, messages.Text("four"))
		w.send(id, messages.Binary(make([]byte, 1000)))
		synctest.Wait()
		if s := w.m.Stats(); s.Received != 2 || s.ReceivedBytes != 1004 || s.WrittenBytes != 1004 {
			t.Errorf("%+v", s)
		}
	})
}

func TestMessagesBeforeReadyAreReceived(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		w.serves(func(p *peer) {
			for range 3 {
				_ = p.WriteMessage(websocket.TextMessage, []byte("login"))
			}
			sink(p)
		})
		var seen int
		target := w.target()
		target.Ready = func(messages.Message) (bool, error) { seen++; return seen == 3, nil }
		id := w.dial(target)
		if s, i := w.m.Stats(), w.info(id); s.Received != 3 || s.ReceivedBytes != 15 || i.Received != 3 {
			t.Errorf("%d messages of %d bytes, and Info has %d", s.Received, s.ReceivedBytes, i.Received)
		}
	})
}

func TestWhatIsReadAfterTheCloseIsNotReceived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := newWorld(t, actors.Config{Handler: actors.OnMessage(func(actors.Conn, messages.Message) error {
			<-release
			return nil
		})})
		defer w.close()
		id, ws := w.accepted()
		const frames = 100 // more than may wait for a handler
		frame := []byte{0x81, 0x80 | 1, 0, 0, 0, 0, 'x'}
		if _, err := ws.NetConn().Write(bytes.Repeat(frame, frames)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		_ = drops.Reset{}.Inject(w.wire())
		w.send(id, messages.Text("to nobody"))
		w.wait(id, messages.Closed)
		synctest.Wait()
		i, _ := w.m.Info(id)
		if got := w.m.Stats().Received; got != i.Received || got >= frames {
			t.Errorf("%d received, and Info has %d", got, i.Received)
		}
		close(release)
	})
}

func TestWhichEndsCountAsDrops(t *testing.T) {
	failing := actors.OnMessage(func(actors.Conn, messages.Message) error { return errors.New("broken") })
	for name, c := range map[string]struct {
		end  func(w *world, id messages.ID, ws *websocket.Conn)
		want uint64
	}{
		"closed by us": {func(w *world, id messages.ID, ws *websocket.Conn) {
			_ = w.m.Close(w.within(time.Second), id, 0, "")
		}, 0},
		"closed by us, then cut": {func(w *world, id messages.ID, ws *websocket.Conn) {
			go w.m.Close(w.within(time.Second), id, 0, "")
			synctest.Wait()
			_ = drops.Reset{}.Inject(w.wire())
		}, 0},
		"closed by the client": {func(w *world, id messages.ID, ws *websocket.Conn) {
			_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1001, ""), time.Now().Add(time.Second))
		}, 0},
		"cut": {func(w *world, id messages.ID, ws *websocket.Conn) { _ = drops.Reset{}.Inject(w.wire()) }, 1},
		"a fault that the client is told": {func(w *world, id messages.ID, ws *websocket.Conn) {
			_ = ws.WriteMessage(websocket.TextMessage, []byte("in"))
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, actors.Config{Handler: failing}, func(t *testing.T, w *world) {
				id, ws := w.accepted()
				defer ws.Close()
				c.end(w, id, ws)
				w.wait(id, messages.Closed)
				synctest.Wait()
				if s := w.m.Stats(); s.Dropped != c.want || s.Opened != 1 || s.Closed != 1 || s.Held() != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestAnAttemptThatFailsIsNoDrop(t *testing.T) {
	bubble(t, actors.Config{Restart: exact}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		w.gate.Refuse(2, drops.Refuse{Status: http.StatusBadGateway})
		w.reset(id)
		w.wait(id, messages.Open)
		if s := w.m.Stats(); s.Opened != 2 || s.Dropped != 1 || s.In(messages.Open) != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestARefusedUpgradeIsNoConnectionThatClosed(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		if status := w.status(w.front(w.m.ServeHTTP), http.Header{"Origin": {"http://evil.example"}}); status != http.StatusForbidden {
			t.Fatal(status)
		}
		if s := w.m.Stats(); s.Held() != 0 || s.Closed != 0 || s.Opened != 0 || s.Dropped != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestStatsCountRoundTrips(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		if bounds := w.m.Stats().RTT.Bounds; len(bounds) == 0 || bounds[0] != 100*time.Microsecond || bounds[len(bounds)-1] != time.Minute {
			t.Errorf("bounds are %v", bounds)
		}
		if err := (drops.Slow{Latency: 40 * time.Millisecond}).Inject(w.wire()); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := w.m.Deliver(t.Context(), id, messages.Text("x")); err != nil {
				t.Fatal(err)
			}
		}
		rtt := w.m.Stats().RTT
		if median := rtt.Percentile(50); rtt.Count() != 3 || rtt.Sum != 120*time.Millisecond || median < 30*time.Millisecond || median > 60*time.Millisecond {
			t.Errorf("%d round trips took %v, half of them %v", rtt.Count(), rtt.Sum, median)
		}
	})
}

func TestStatsOutliveTheShutdown(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		for _, id := range w.fleet(5) {
			w.send(id, messages.Text("x"))
		}
		if err := w.m.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
		if s := w.m.Stats(); s.Held() != 0 || s.Closed != 5 || s.Opened != 5 || s.Dropped != 0 || s.Outcomes[messages.OutcomeWritten] != 5 {
			t.Errorf("%+v", s)
		}
	})
}

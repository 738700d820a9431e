package actors_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
	"github.com/tetherws/tether/supervision/drops"
)

// exact is a backoff that tests can foretell.
var exact = supervision.Policy{Backoff: supervision.Backoff{Min: time.Second, Max: 8 * time.Second, NoJitter: true}}

// last returns the latest transition to the state.
func (w *world) last(s messages.State) messages.EventTransition {
	last, _ := w.events.last(s)
	return last
}

// delays returns what was to be waited at each failure of id.
func (w *world) delays(id messages.ID) (all []time.Duration) {
	synctest.Wait()
	e := w.events
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.transitions {
		if t.ID == id && (t.To == messages.Backoff || t.To == messages.Parked) {
			all = append(all, t.Delay)
		}
	}
	return all
}

// asks is a Request that remembers its attempts and when they were made.
type asks struct {
	mu       sync.Mutex
	attempts []messages.Attempt
	times    []time.Time
}

func (a *asks) request(_ context.Context, attempt messages.Attempt) (string, http.Header, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attempts = append(a.attempts, attempt)
	a.times = append(a.times, time.Now())
	return "", nil, nil
}

// since returns when the attempts were made, counted from start.
func (a *asks) since(start time.Time) (all []time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range a.times {
		all = append(all, t.Sub(start))
	}
	return all
}

func seconds(all ...float64) (ds []time.Duration) {
	for _, s := range all {
		ds = append(ds, time.Duration(s*float64(time.Second)))
	}
	return ds
}

// start dials t without waiting for anything.
func (w *world) start(t actors.Target) messages.ID {
	w.t.Helper()
	id, err := w.m.Dial(w.t.Context(), t)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// pause sleeps for d, or until the test ends.
func (w *world) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.t.Context().Done():
	}
}

func TestBackoffDoublesUpToItsCap(t *testing.T) {
	bubble(t, actors.Config{Restart: exact}, func(t *testing.T, w *world) {
		w.gate.Refuse(-1, drops.Refuse{Status: http.StatusInternalServerError})
		var asked asks
		target := w.target()
		target.Request = asked.request
		start := time.Now()
		id := w.start(target)
		time.Sleep(40 * time.Second)
		if got, want := w.delays(id), seconds(1, 2, 4, 8, 8, 8, 8, 8); !slices.Equal(got, want) {
			t.Errorf("delays %v, want %v", got, want)
		}
		if got, want := asked.since(start), seconds(0, 1, 3, 7, 15, 23, 31, 39); !slices.Equal(got, want) {
			t.Errorf("attempts at %v, want %v", got, want)
		}
	})
}

func TestInBackoffInfoTellsTheNextAttempt(t *testing.T) {
	bubble(t, actors.Config{Restart: exact}, func(t *testing.T, w *world) {
		w.gate.Refuse(-1, drops.Refuse{Status: http.StatusInternalServerError})
		id := w.start(w.target())
		w.wait(id, messages.Backoff)
		info := w.info(id)
		if want := time.Now().Add(time.Second); !info.NextAttempt.Equal(want) || info.Attempt != 1 {
			t.Errorf("next attempt %v (number %d), want %v", info.NextAttempt, info.Attempt, want)
		}
	})
}

func TestBackoffResetsOnlyAfterProvenHealth(t *testing.T) {
	lives := map[string]struct {
		frame time.Duration // after the opening; the socket ends just after
		want  []time.Duration
	}{
		"rejected at once":      {0, seconds(1, 2, 4, 8)},
		"a frame just too soon": {10*time.Second - 1, seconds(1, 2, 4, 8)},
		"a frame after 10s":     {10 * time.Second, seconds(1, 1, 1, 1)},
	}
	for name, life := range lives {
		t.Run(name, func(t *testing.T) {
			bubble(t, actors.Config{Restart: exact, Heartbeat: actors.Heartbeat{Off: true}}, func(t *testing.T, w *world) {
				w.serves(func(p *peer) {
					p.SetPingHandler(func(string) error { return nil })
					go sink(p)
					w.pause(life.frame)
					frames["message"](p)
					w.pause(time.Millisecond)
					p.Close()
				})
				id := w.start(w.target())
				for range life.want {
					w.wait(id, messages.Backoff)
					w.wait(id, messages.Open)
				}
				if got := w.delays(id)[:len(life.want)]; !slices.Equal(got, life.want) {
					t.Errorf("delays %v, want %v", got, life.want)
				}
			})
		})
	}
}

func TestUnauthorizedAsksAfreshOnceAndThenParks(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			bubble(t, actors.Config{Governor: supervision.Limits{PoolPerSecond: 2e6, PerSecond: 2e6}}, func(t *testing.T, w *world) {
				w.gate.Refuse(3, drops.Refuse{Status: status})
				var asked asks
				target := w.target()
				target.Request = asked.request
				start := time.Now()
				id := w.start(target)
				w.wait(id, messages.Parked)
				w.wait(id, messages.Open)
				if got, want := asked.since(start), seconds(0, 0, 300, 600); !slices.Equal(got, want) {
					t.Errorf("attempts at %v, want %v", got, want)
				}
			})
		})
	}
}

func TestTheRequestIsToldOfItsAttempt(t *testing.T) {
	bubble(t, actors.Config{Restart: exact}, func(t *testing.T, w *world) {
		w.gate.Refuse(2, drops.Refuse{Status: http.StatusInternalServerError})
		var asked asks
		target := w.target()
		target.Request = asked.request
		id := w.dial(target)
		for i, a := range asked.attempts {
			var refused *messages.HandshakeError
			if told := errors.As(a.Cause, &refused); told != (i > 0) || told && refused.Status != 500 {
				t.Errorf("attempt %d: cause %v", i, a.Cause)
			}
			if a.Cause = nil; a != (messages.Attempt{ID: id, Incarnation: uint64(i + 1), Number: i}) {
				t.Errorf("attempt %d is told %+v", i, a)
			}
		}
		if n := len(asked.attempts); n != 3 {
			t.Errorf("%d attempts, want 3", n)
		}
	})
}

func TestARequestGivesAddressAndHeader(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		held := w.holds()
		target := w.target()
		target.URL = ""
		target.Request = func(context.Context, messages.Attempt) (string, http.Header, error) {
			return "ws://" + address + "/other", http.Header{"Authorization": {"fresh"}}, nil
		}
		w.dial(target)
		if p := <-held; p.req.URL.Path != "/other" || p.req.Header.Get("Authorization") != "fresh" {
			t.Errorf("asked for %v with %v", p.req.URL, p.req.Header)
		}
	})
}

func TestRetryEndsAWait(t *testing.T) {
	refusals := map[messages.State]int{messages.Backoff: 500, messages.Parked: 400}
	for state, status := range refusals {
		t.Run(state.String(), func(t *testing.T) {
			config := actors.Config{Restart: supervision.Policy{Backoff: supervision.Backoff{Min: time.Hour, Max: time.Hour, NoJitter: true}}}
			bubble(t, config, func(t *testing.T, w *world) {
				w.gate.Refuse(1, drops.Refuse{Status: status})
				id := w.start(w.target())
				w.wait(id, state)
				start := time.Now()
				if err := w.m.Retry(id); err != nil {
					t.Fatal(err)
				}
				w.wait(id, messages.Open)
				if waited := time.Since(start); waited > 4*time.Millisecond { // the spacing of the pool
					t.Errorf("open %v after Retry", waited)
				}
				if err := w.m.Retry(id); err != nil {
					t.Errorf("Retry while open: %v", err)
				}
			})
		})
	}
}

func TestRetryNeverSkipsTheGovernor(t *testing.T) {
	bubble(t, actors.Config{Governor: supervision.Limits{PoolPerSecond: 0.1}}, func(t *testing.T, w *world) {
		w.gate.Refuse(-1, drops.Refuse{Status: http.StatusBadRequest})
		var asked asks
		target := w.target()
		target.Request = asked.request
		start := time.Now()
		id := w.start(target)
		for time.Since(start) < 35*time.Second {
			if err := w.m.Retry(id); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if got, want := asked.since(start), seconds(0, 10, 20, 30); !slices.Equal(got, want) {
			t.Errorf("attempts at %v, want %v", got, want)
		}
	})
}

func TestRetryAfterHoldsThePoolOrTheConnection(t *testing.T) {
	for status, want := range map[int][]time.Duration{503: seconds(60.004, 60), 429: seconds(60, 1)} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			bubble(t, actors.Config{}, func(t *testing.T, w *world) {
				w.gate.Refuse(1, drops.Refuse{Status: status, RetryAfter: time.Minute})
				start := time.Now()
				w.serves(func(p *peer) {
					p.WriteMessage(websocket.TextMessage, []byte(time.Since(start).String()))
					sink(p)
				})
				first := w.start(w.target())
				time.Sleep(time.Second)
				second := w.start(w.target())
				for i, id := range []messages.ID{first, second} {
					w.wait(id, messages.Open)
					if at := w.info(id).Since.Sub(start); at != want[i] {
						t.Errorf("connection %d open after %v, want %v", i+1, at, want[i])
					}
				}
			})
		})
	}
}

func TestAHeldPoolLetsNobodyThrough(t *testing.T) {
	bubble(t, actors.Config{Governor: supervision.Limits{PoolConcurrent: 1}}, func(t *testing.T, w *world) {
		w.gate.Refuse(-1, drops.Refuse{Status: 503, RetryAfter: time.Minute})
		var asked asks
		target := w.target()
		target.Request = func(ctx context.Context, a messages.Attempt) (string, http.Header, error) {
			time.Sleep(time.Second) // the others wait for its place
			return asked.request(ctx, a)
		}
		for range 5 {
			w.start(target)
		}
		time.Sleep(30 * time.Second)
		if got := asked.since(time.Now()); len(got) != 1 {
			t.Errorf("%d attempts to a pool that is held", len(got))
		}
	})
}

func TestNotFoundIsRetriedForAMinute(t *testing.T) {
	bubble(t, actors.Config{Restart: exact}, func(t *testing.T, w *world) {
		w.gate.Refuse(-1, drops.Refuse{Status: http.StatusNotFound})
		id := w.start(w.target())
		w.wait(id, messages.Parked)
		if got, want := w.delays(id), seconds(1, 2, 4, 8, 8, 8, 8, 8, 8, 8, 300); !slices.Equal(got, want) {
			t.Errorf("delays %v, want %v", got, want)
		}
	})
}

func TestARefusedSubprotocolParks(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		target := w.target()
		target.Dialer.Subprotocols = []string{"other"}
		id := w.start(target)
		w.wait(id, messages.Parked)
		target.Dialer.Subprotocols = []string{"chat"}
		w.dial(target)
	})
}

func TestADeadHostIsTriedAgainAndFound(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		w.server.Close()
		id := w.start(w.target())
		time.Sleep(time.Hour)
		w.listen()
		w.wait(id, messages.Open)
		if info := w.info(id); time.Since(info.Since) != 0 || time.Since(time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC)) > time.Minute {
			t.Errorf("open at %v", info.Since)
		}
	})
}

func TestAThousandDroppedAtOnceComeBackInTurn(t *testing.T) {
	const connections, perSecond = 1000, 250
	bubble(t, actors.Config{Governor: supervision.Limits{PoolPerSecond: perSecond}}, func(t *testing.T, w *world) {
		w.serves(sink)
		var asked asks
		target := w.target()
		target.Request = asked.request
		var ids []messages.ID
		for range connections {
			ids = append(ids, w.start(target))
		}
		for _, id := range ids {
			w.wait(id, messages.Open)
		}
		start := time.Now()
		for _, c := range w.net.Conns() {
			drops.Reset{}.Inject(c)
		}
		synctest.Wait()
		for _, id := range ids {
			w.wait(id, messages.Open)
			if n := w.info(id).Incarnation; n != 2 {
				t.Fatalf("open at incarnation %d", n)
			}
		}
		again := asked.since(start)[connections:]
		for i := perSecond; i < len(again); i++ {
			if again[i]-again[i-perSecond] < time.Second {
				t.Fatalf("more than %d attempts from %v to %v", perSecond, again[i-perSecond], again[i])
			}
		}
		if len(again) != connections || len(slices.Compact(again)) != connections {
			t.Errorf("%d attempts at %d instants, want %d", len(again), len(slices.Compact(again)), connections)
		}
	})
}

func TestAHandlersFaultsSpendTheBudget(t *testing.T) {
	config := actors.Config{Handler: actors.OnMessage(func(actors.Conn, messages.Message) error { panic("fault") })}
	bubble(t, config, func(t *testing.T, w *world) {
		w.serves(func(p *peer) {
			frames["message"](p)
			sink(p)
		})
		id := w.start(w.target())
		w.wait(id, messages.Parked)
		if info := w.info(id); info.Incarnation != 6 {
			t.Errorf("parked after %d faults, want 6", info.Incarnation)
		}
	})
}

func TestAFailureDoesNotWaitForTheQueue(t *testing.T) {
	config := actors.Config{WriteTimeout: time.Minute}
	config.Handler = actors.OnMessage(func(actors.Conn, messages.Message) error { return errPlain })
	bubble(t, config, func(t *testing.T, w *world) {
		w.serves(func(p *peer) {
			for i := 0; ; i++ {
				if _, _, err := p.ReadMessage(); err != nil {
					return
				}
				if w.pause(time.Second); i == 5 {
					frames["message"](p)
				}
			}
		})
		id, start := w.dial(w.target()), time.Now()
		for first := w.info(id); len(w.info(id).History) == len(first.History) && time.Since(start) < time.Hour; {
			_ = w.m.Send(id, messages.Binary(make([]byte, 16<<10)))
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("the handler's failure at 6s was heeded after %v", took)
		}
	})
}

func TestAPeersCloseIsJudgedByItsCode(t *testing.T) {
	codes := map[int]messages.State{
		0: messages.Backoff, 1000: messages.Backoff, 1001: messages.Backoff, 1011: messages.Backoff, 1012: messages.Backoff,
		3000: messages.Backoff, 4000: messages.Backoff, 1006: messages.Backoff, 1004: messages.Backoff,
		1002: messages.Parked, 1008: messages.Parked, 1010: messages.Parked, 3500: messages.Parked, 4500: messages.Parked,
	}
	for code, want := range codes {
		bubble(t, actors.Config{}, func(t *testing.T, w *world) {
			id := w.dial(w.target())
			drops.CloseCode{Code: code}.Inject(w.wire().Other())
			w.wait(id, messages.Backoff, messages.Parked)
			w.state(id, want)
		})
	}
}

func TestTryAgainLaterHasAFloor(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		drops.CloseCode{Code: websocket.CloseTryAgainLater}.Inject(w.wire().Other())
		w.wait(id, messages.Backoff)
		if got := w.delays(id); !slices.Equal(got, seconds(30)) {
			t.Errorf("delays %v, want 30s", got)
		}
	})
}

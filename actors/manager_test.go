package actors_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
	"github.com/tetherws/tether/supervision/drops"
)

func TestNewReportsAllBadFieldsTogether(t *testing.T) {
	_, err := actors.New(actors.Config{
		Heartbeat:         actors.Heartbeat{Idle: -1, Timeout: -1},
		Restart:           supervision.Policy{Probe: -1, Backoff: supervision.Backoff{Min: -1}},
		Governor:          supervision.Limits{PerSecond: -1},
		Outbox:            actors.Outbox{Messages: -1, Bytes: -1, TTL: -1},
		ReadLimitAccepted: -1, ReadLimitDialed: -1,
		HandshakeTimeout: -1, WriteTimeout: -1, HandlerTimeout: -1,
	})
	if !errors.Is(err, messages.ErrInvalid) {
		t.Fatal(err)
	}
	for _, field := range []string{
		"Heartbeat.Idle", "Heartbeat.Timeout", "Probe", "Backoff.Min", "PerSecond", "Outbox.Messages", "Outbox.Bytes", "Outbox.TTL",
		"ReadLimitAccepted", "ReadLimitDialed", "HandshakeTimeout", "WriteTimeout", "HandlerTimeout",
	} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %q", field, err)
		}
	}
}

func TestDialRefusesABadTarget(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		for _, url := range []string{
			"", "server:80", "http://server/", "ws://", "ws:///path", "ws://user:secret@server/", "ws://server:port/", "ws://ser ver/", "\x00",
		} {
			if _, err := w.m.Dial(t.Context(), actors.Target{URL: url}); !errors.Is(err, messages.ErrInvalid) || strings.Contains(err.Error(), "secret") {
				t.Errorf("URL %q: %v", url, err)
			}
		}
		bad := w.target()
		bad.Heartbeat, bad.Restart = &actors.Heartbeat{Idle: -1}, &supervision.Policy{Probe: -1}
		_, err := w.m.Dial(t.Context(), bad)
		for _, field := range []string{"Heartbeat.Idle", "Probe"} {
			if !errors.Is(err, messages.ErrInvalid) || !strings.Contains(err.Error(), field) {
				t.Errorf("%s is not in %v", field, err)
			}
		}
		for info := range w.m.Connections() {
			t.Errorf("%v was registered", info.ID)
		}
	})
}

func TestDialDoesNotKeepItsContext(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		id, err := w.m.Dial(ctx, w.target())
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		w.wait(id, messages.Open)
		if _, err := w.m.Dial(ctx, w.target()); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that had ended: %v", err)
		}
	})
}

func TestAnIDIsTakenOnce(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		target := w.target()
		target.ID = w.dial(target)
		if _, err := w.m.Dial(t.Context(), target); !errors.Is(err, messages.ErrDuplicateID) {
			t.Error(err)
		}
		w.state(target.ID, messages.Open)
	})
}

func TestAnUnknownIDIsAClearErrorEverywhere(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id, x := messages.NewID(), messages.Text("x")
		_, info := w.m.Info(id)
		for name, err := range map[string]error{
			"Send": w.m.Send(id, x), "Deliver": w.m.Deliver(t.Context(), id, x), "Info": info,
			"Wait": w.m.Wait(t.Context(), id, messages.Open), "Retry": w.m.Retry(id), "Close": w.m.Close(t.Context(), id, 0, ""),
			"Join": w.m.Join(id, "group"), "Leave": w.m.Leave(id, "group"),
		} {
			if !errors.Is(err, messages.ErrUnknownConnection) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestAClosedIDIsAClearErrorEverywhere(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id, x := w.dial(w.target()), messages.Text("x")
		if err := w.m.Close(t.Context(), id, 0, ""); err != nil {
			t.Fatal(err)
		}
		_, info := w.m.Info(id)
		for name, err := range map[string]error{
			"Send": w.m.Send(id, x), "Deliver": w.m.Deliver(t.Context(), id, x), "Info": info,
			"Wait": w.m.Wait(t.Context(), id, messages.Open), "Retry": w.m.Retry(id), "Close": w.m.Close(t.Context(), id, 0, ""),
			"Join": w.m.Join(id, "group"), "Leave": w.m.Leave(id, "group"),
		} {
			if !errors.Is(err, messages.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// asker is an actor that asks the registry, and notes what it is told.
type asker struct {
	registry *actor.PID
	told     chan any
}

func (a asker) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		ctx.Watch(a.registry)
	case messages.Send:
		ctx.Request(a.registry, msg)
	case messages.Sent, *actor.Terminated:
		a.told <- msg
	}
}

// asks spawns an asker in the manager's actor system.
func (w *world) asks() (*actor.PID, chan any) {
	told := make(chan any, 10)
	return w.m.System().Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return asker{w.m.Registry(), told} })), told
}

func TestTheRegistryRoutesWhatIsTold(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		var got inbox
		w.serves(got.keep)
		id := w.dial(w.target())
		w.m.System().Root.Send(w.m.Registry(), messages.Send{ID: id, Message: messages.Text("told")})
		w.m.System().Root.Send(w.m.Registry(), messages.Send{ID: messages.NewID(), Message: messages.Text("lost")})
		w.m.System().Root.Send(w.m.Registry(), "what it does not know")
		synctest.Wait()
		if !slices.Equal(got.got(), []string{"told"}) {
			t.Errorf("the peer got %q", got.got())
		}
	})
}

func TestTheRegistryAnswersARequest(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id, unknown := w.dial(w.target()), messages.NewID()
		pid, told := w.asks()
		w.m.System().Root.Send(pid, messages.Send{ID: id, Message: messages.Text("x")})
		if sent := <-told; sent != (messages.Sent{ID: id}) {
			t.Errorf("answered with %v", sent)
		}
		w.m.System().Root.Send(pid, messages.Send{ID: unknown, Message: messages.Text("x")})
		if sent := (<-told).(messages.Sent); sent.ID != unknown || !errors.Is(sent.Err, messages.ErrUnknownConnection) {
			t.Errorf("answered with %v", sent)
		}
	})
}

func TestWhoWatchesTheRegistryIsToldOfItsEnd(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		_, told := w.asks()
		synctest.Wait()
		if err := w.m.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if end, ok := (<-told).(*actor.Terminated); !ok || end.Who.String() != w.m.Registry().String() {
			t.Errorf("told %v", end)
		}
		_, late := w.asks()
		if end, ok := (<-late).(*actor.Terminated); !ok || end.Who.String() != w.m.Registry().String() {
			t.Errorf("who watches later is told %v", end)
		}
	})
}

func TestConnectionsListsWhatIsNotClosed(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		want := map[messages.ID]messages.State{}
		for range 100 {
			want[w.dial(w.target())] = messages.Open
		}
		w.gate.Refuse(-1, drops.Refuse{Status: 400})
		parked := w.start(w.target())
		w.wait(parked, messages.Parked)
		want[parked] = messages.Parked
		w.gate.Open()
		if err := w.m.Close(t.Context(), w.dial(w.target()), 0, ""); err != nil {
			t.Fatal(err)
		}
		for info := range w.m.Connections() {
			if info.State != want[info.ID] {
				t.Errorf("%v is %v, want %v", info.ID, info.State, want[info.ID])
			}
			delete(want, info.ID)
		}
		if len(want) != 0 {
			t.Errorf("%d connections were not listed", len(want))
		}
		for range w.m.Connections() {
			break // stops early without harm
		}
	})
}

func TestInfoIsACopy(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		target := w.target()
		target.Labels = map[string]string{"kind": "feed"}
		id := w.dial(target)
		if err := w.m.Join(id, "group"); err != nil {
			t.Fatal(err)
		}
		target.Labels["kind"] = "changed by the owner"
		info := w.info(id)
		info.Labels["kind"], info.Groups[0], info.History[0].To = "changed", "changed", messages.Closed
		again := w.info(id)
		if again.Labels["kind"] != "feed" || again.Groups[0] != "group" || again.History[0].To != messages.Connecting {
			t.Errorf("changed to %+v", again)
		}
		if !again.Dialed || again.Peer != address || again.State != messages.Open {
			t.Errorf("%+v", again)
		}
	})
}

// witness checks the events of each connection, and calls back.
type witness struct {
	t *testing.T
	m *actors.Manager

	mu      sync.Mutex
	inside  map[messages.ID]bool
	last    map[messages.ID]messages.State
	numbers map[messages.ID]uint64
}

func (w *witness) tell(e messages.Event) {
	switch e := e.(type) {
	case messages.EventTransition:
		leave := w.enter(e.ID)
		defer leave()
		w.moved(e)
		_, _ = w.m.Info(e.ID)
		m := messages.Text("from an event")
		if m.Key = "newest"; e.To == messages.Backoff {
			_, _ = w.m.Send(e.ID, m), w.m.Send(e.ID, m) // the second has an outcome of the first at once
		}
	case messages.EventOutcome:
		leave := w.enter(e.ID)
		defer leave()
		w.mu.Lock()
		defer w.mu.Unlock()
		if e.Number != w.numbers[e.ID]+1 {
			w.t.Errorf("outcome %d after %d", e.Number, w.numbers[e.ID])
		}
		w.numbers[e.ID] = e.Number
	}
}

// enter notes that a connection's event is being told.
func (w *witness) enter(id messages.ID) (leave func()) {
	set := func(inside bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.inside[id] == inside {
			w.t.Error("two events of a connection at once")
		}
		w.inside[id] = inside
	}
	set(true)
	return func() { set(false) }
}

func (w *witness) moved(e messages.EventTransition) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.From != w.last[e.ID] || !e.From.To(e.To) {
		w.t.Errorf("from %v to %v after %v", e.From, e.To, w.last[e.ID])
	}
	w.last[e.ID] = e.To
}

func TestEventsComeInOrderAndMayCallBack(t *testing.T) {
	seen := &witness{
		t: t, inside: map[messages.ID]bool{}, last: map[messages.ID]messages.State{}, numbers: map[messages.ID]uint64{},
	}
	bubble(t, actors.Config{OnEvent: seen.tell}, func(t *testing.T, w *world) {
		seen.m = w.m
		const drop = 5
		var ids []messages.ID
		for range 20 {
			ids = append(ids, w.dial(w.target()))
		}
		for range drop {
			for _, c := range w.net.Conns() {
				drops.Reset{}.Inject(c)
			}
			synctest.Wait()
			for _, id := range ids {
				_ = w.m.Retry(id)
				w.send(id, messages.Text("from the side"))
			}
			time.Sleep(time.Minute)
		}
		if err := w.m.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		for _, id := range ids {
			if seen.last[id] != messages.Closed || seen.numbers[id] != 3*drop {
				t.Errorf("ends %v with %d outcomes", seen.last[id], seen.numbers[id])
			}
		}
	})
}

func TestAPanicOfOnEventIsHarmless(t *testing.T) {
	config := actors.Config{OnEvent: func(messages.Event) { panic("event") }}
	bubble(t, config, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		drops.Reset{}.Inject(w.wire())
		time.Sleep(time.Second)
		w.state(id, messages.Open)
		w.send(id, messages.Text("x"))
		if err := w.m.Close(t.Context(), id, 0, ""); err != nil {
			t.Error(err)
		}
	})
}

func TestTheLogHasNoPayloadAndNoToken(t *testing.T) {
	const secret = "SECRET"
	var log bytes.Buffer
	config := actors.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	bubble(t, config, func(t *testing.T, w *world) {
		w.serves(func(p *peer) {
			p.WriteMessage(1, []byte(secret))
			p.WriteMessage(1, []byte(secret+"\xff"))
			sink(p)
		})
		urls := []string{"", "ws://server:80/?token=" + secret, "http://server/?token=" + secret, "ws://server/%zz?token=" + secret, "ws://nobody/?token=" + secret}
		for i, status := range []int{200, 503, 200, 200, 200, 401} {
			w.gate.Refuse(map[bool]int{true: 1}[status != 200], drops.Refuse{Status: status})
			target := w.target()
			target.Request = func(context.Context, messages.Attempt) (string, http.Header, error) {
				return urls[i%len(urls)], http.Header{"Authorization": {secret}}, nil
			}
			target.Hello = func(context.Context, actors.Conn) ([]messages.Message, error) {
				return []messages.Message{messages.Text(secret)}, nil
			}
			id := w.start(target)
			w.send(id, messages.Text(secret))
			w.m.System().Root.Send(w.m.Registry(), messages.Send{ID: id, Message: messages.Text(secret + "\xff")})
			w.m.System().Root.Send(w.m.Registry(), messages.Text(secret))
			time.Sleep(time.Minute)
		}
	})
	if log.Len() == 0 || strings.Contains(log.String(), secret) {
		t.Errorf("logged:\n%s", log.String())
	}
}

func TestAConnectionKnowsItself(t *testing.T) {
	seen := make(chan string, 1)
	config := actors.Config{Handler: actors.OnMessage(func(c actors.Conn, _ messages.Message) error {
		seen <- fmt.Sprint(c.Incarnation(), c.Labels(), c.Peer(), c.Subprotocol(), c.Info().State, c.Context().Err())
		<-c.Context().Done() // ends with the socket
		return nil
	})}
	bubble(t, config, func(t *testing.T, w *world) {
		seen = make(chan string, 1) // of the bubble
		w.serves(greets)
		target := w.target()
		target.Labels = map[string]string{"kind": "feed"}
		target.Dialer.Subprotocols = []string{"chat"}
		w.dial(target)
		if got, want := <-seen, fmt.Sprint(1, target.Labels, address, "chat", messages.Open, nil); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		drops.Reset{}.Inject(w.wire())
		if got := <-seen; !strings.HasPrefix(got, "2 ") {
			t.Errorf("after a drop: %s", got)
		}
		w.net.Conns()[0].Close()
	})
}

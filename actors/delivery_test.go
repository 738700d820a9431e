package actors_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
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

// audited is a bubble in which Info's counts must add up at every event, and
// every admitted message must end in exactly one outcome.
func audited(t *testing.T, config actors.Config, f func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := &audit{t: t, admitted: make(map[messages.ID]uint64)}
		config.OnEvent = a.hear
		a.w = newWorld(t, config)
		defer a.oneOutcomeEach()
		defer synctest.Wait() // an Accept may be telling events yet
		defer a.w.close()
		f(t, a.w)
	})
}

type audit struct {
	t *testing.T
	w *world

	mu       sync.Mutex
	admitted map[messages.ID]uint64
}

func (a *audit) hear(event messages.Event) {
	a.w.events.add(event)
	var id messages.ID
	switch event := event.(type) {
	case messages.EventTransition:
		id = event.ID
	case messages.EventOutcome:
		id = event.ID
	}
	info := a.w.addsUp(id)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.admitted[id] = max(a.admitted[id], info.Admitted)
}

func (a *audit) oneOutcomeEach() {
	a.t.Helper()
	for id, admitted := range a.admitted {
		ends := a.w.outcomes(id)
		if uint64(len(ends)) != admitted {
			a.t.Errorf("%d messages admitted, outcomes for %d: %v", admitted, len(ends), ends)
		}
		for number, each := range ends {
			if len(each) != 1 || number == 0 || number > admitted {
				a.t.Errorf("message %d of %d ended in %v", number, admitted, each)
			}
		}
	}
}

// addsUp asserts that the connection's counts do, and returns its Info.
func (w *world) addsUp(id messages.ID) messages.Info {
	w.t.Helper()
	i, _ := w.m.Info(id)
	sum := uint64(i.Queued+i.Unconfirmed) + i.Written + i.Confirmed + i.Expired + i.Replaced + i.Refused +
		i.Withdrawn + i.Undelivered
	if sum != i.Admitted || i.Queued < 0 || i.QueuedBytes < 0 || i.Unconfirmed < 0 {
		w.t.Errorf("counts do not add up to %d admitted: %+v", i.Admitted, i)
	}
	return i
}

// outcomes returns what each message of the connection ended in, by number.
func (w *world) outcomes(id messages.ID) map[uint64][]messages.Outcome {
	w.events.mu.Lock()
	defer w.events.mu.Unlock()
	ends := make(map[uint64][]messages.Outcome)
	for _, o := range w.events.outcomes {
		if o.ID == id {
			ends[o.Number] = append(ends[o.Number], o.Outcome)
		}
	}
	return ends
}

func atMostOnce(s string) messages.Message { return messages.Text(s) }

func atLeastOnce(s string) messages.Message {
	m := messages.Text(s)
	m.Guarantee = messages.AtLeastOnce
	return m
}

// ledger is a server that keeps what arrives on each socket, in order.
type ledger struct {
	mu      sync.Mutex
	sockets [][]string
	pings   []pinged

	mute bool                     // no ping is answered
	on   func(*peer, string) bool // what is done about a message; false ends the socket
}

// pinged is a ping that arrived.
type pinged struct {
	at      time.Time
	peer    *peer
	payload []byte
}

func (l *ledger) serve(p *peer) {
	l.mu.Lock()
	socket := len(l.sockets)
	l.sockets = append(l.sockets, nil)
	l.mu.Unlock()
	p.SetPingHandler(func(payload string) error {
		if l.ping(p, payload) {
			return nil
		}
		_ = p.pong([]byte(payload))
		return nil
	})
	for {
		_, data, err := p.ReadMessage()
		if err != nil {
			return
		}
		l.mu.Lock()
		l.sockets[socket] = append(l.sockets[socket], string(data))
		on := l.on
		l.mu.Unlock()
		if on != nil && !on(p, string(data)) {
			return
		}
	}
}

// talk serves p and sends it data all the time.
func (l *ledger) talk(p *peer) {
	over := make(chan struct{})
	var talker sync.WaitGroup
	talker.Go(func() {
		for p.WriteMessage(websocket.TextMessage, []byte("tick")) == nil {
			select {
			case <-over:
				return
			case <-time.After(300 * time.Millisecond):
			}
		}
	})
	l.serve(p)
	close(over)
	talker.Wait()
}

func (l *ledger) ping(p *peer, payload string) (mute bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pings = append(l.pings, pinged{time.Now(), p, []byte(payload)})
	return l.mute
}

func (l *ledger) silent(yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mute = yes
}

func (l *ledger) asked() []pinged {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.pings)
}

// got returns what arrived on each socket, joined by spaces.
func (l *ledger) got() (sockets []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sockets {
		sockets = append(sockets, strings.Join(s, " "))
	}
	return sockets
}

func (l *ledger) want(t *testing.T, sockets ...string) {
	t.Helper()
	synctest.Wait()
	if got := l.got(); !slices.Equal(got, sockets) {
		t.Errorf("the sockets brought %q, want %q", got, sockets)
	}
}

func (p *peer) pong(payload []byte) error {
	return p.WriteControl(websocket.PongMessage, payload, time.Now().Add(time.Second))
}

// closes sends a close frame.
func (p *peer) closes(code int) {
	_ = p.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
}

// aMinuteApart retries after exactly a minute.
var aMinuteApart = supervision.Policy{Backoff: supervision.Backoff{Min: time.Minute, Max: time.Minute, NoJitter: true}}

// held registers a connection that does not dial before the result is called.
func (w *world) held(target actors.Target) (id messages.ID, release func()) {
	w.t.Helper()
	ready := make(chan struct{})
	target.Request = func(context.Context, messages.Attempt) (string, http.Header, error) {
		<-ready
		return "", nil, nil
	}
	id, err := w.m.Dial(w.t.Context(), target)
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
	return id, sync.OnceFunc(func() { close(ready) })
}

// tears has the first socket of the target torn after so many bytes of data.
func (w *world) tears(target actors.Target, after int) actors.Target {
	target.Hello = func(_ context.Context, c actors.Conn) ([]messages.Message, error) {
		if c.Incarnation() == 1 {
			return nil, drops.Torn{After: after}.Inject(w.wire())
		}
		return nil, nil
	}
	return target
}

// reset drops the one live socket and waits until that was noticed.
func (w *world) reset(id messages.ID) {
	w.t.Helper()
	if err := (drops.Reset{}).Inject(w.wire()); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// delivers starts a Deliver.
func (w *world) delivers(ctx context.Context, id messages.ID, m messages.Message) <-chan error {
	done := make(chan error, 1)
	go func() { done <- w.m.Deliver(ctx, id, m) }()
	synctest.Wait()
	return done
}

// still asserts that a call has not returned.
func still(t *testing.T, call <-chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-call:
		t.Fatalf("returned already: %v", err)
	default:
	}
}

// every sentinel that a caller may match.
var sentinels = []error{
	messages.ErrUnknownConnection, messages.ErrDuplicateID, messages.ErrQueueFull, messages.ErrTooLarge,
	messages.ErrClosed, messages.ErrExpired, messages.ErrReplaced, messages.ErrUnconfirmed, messages.ErrShutdown,
	messages.ErrHeartbeatTimeout, messages.ErrHandlerStalled, messages.ErrInvalid,
	context.Canceled, context.DeadlineExceeded,
}

// alone asserts that of all sentinels err matches the wanted one and no other;
// nil wants nil.
func alone(t *testing.T, err, want error) {
	t.Helper()
	if want == nil && err != nil {
		t.Errorf("error is %v, want none", err)
	}
	for _, s := range sentinels {
		wanted := s == want //nolint:errorlint // both are sentinels
		if errors.Is(err, s) != wanted {
			t.Errorf("error %v: matching %v is %v", err, s, !wanted)
		}
	}
	var closed *messages.CloseError
	if !errors.Is(want, messages.ErrClosed) && errors.As(err, &closed) {
		t.Errorf("error %v is a CloseError", err)
	}
}

func TestUnconfirmedMessagesAreWrittenAgainAheadOfNewerOnes(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		for i := range 3 {
			w.send(id, atLeastOnce(fmt.Sprint(i)))
			w.send(id, atMostOnce("once"+fmt.Sprint(i)))
			synctest.Wait()
		}
		if i := w.info(id); i.Unconfirmed != 3 || i.Written != 3 || i.Queued != 0 {
			t.Errorf("before the drop: %+v", i)
		}
		w.reset(id)
		w.send(id, atMostOnce("newer"))
		w.send(id, atLeastOnce("3"))
		if i := w.info(id); i.Unconfirmed != 3 || i.Queued != 2 || i.QueuedBytes != 6 {
			t.Errorf("in backoff: %+v", i)
		}
		l.silent(false)
		w.wait(id, messages.Open)
		l.want(t, "0 once0 1 once1 2 once2", "0 1 2 newer 3")
		if i := w.info(id); i.Unconfirmed != 0 || i.Confirmed != 4 || i.Written != 4 {
			t.Errorf("at the end: %+v", i)
		}
	})
}

// A batch that is torn at any byte: what began counts as written, what did
// not goes to the next socket.
func TestATornBatch(t *testing.T) {
	const frame = 2 + 4 + 2 // header, mask, payload
	texts := []string{"a0", "m1", "a2", "m3"}
	for after := range len(texts)*frame + 1 {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
				l := &ledger{}
				w.serves(l.serve)
				id, release := w.held(w.tears(w.target(), after))
				for _, text := range texts {
					m := atMostOnce(text)
					if text[0] == 'a' {
						m = atLeastOnce(text)
					}
					w.send(id, m)
				}
				release()
				w.wait(id, messages.Backoff)
				begun := (after + frame - 1) / frame
				once := uint64(begun / 2)
				if i := w.info(id); i.Written != once || i.Unconfirmed != (begun+1)/2 || i.Queued != len(texts)-begun {
					t.Errorf("torn after %d: %+v", after, i)
				}
				w.wait(id, messages.Open)
				again := slices.DeleteFunc(slices.Clone(texts), func(s string) bool {
					return s[0] == 'm' && slices.Index(texts, s) < begun
				})
				l.want(t, strings.Join(texts[:after/frame], " "), strings.Join(again, " "))
			})
		})
	}
}

func TestDeliverOfAtMostOnceIsUnconfirmedAfterADrop(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		call := w.delivers(t.Context(), id, atMostOnce("x"))
		still(t, call)
		if i := w.info(id); i.Written != 1 || i.Unconfirmed != 0 {
			t.Errorf("once written: %+v", i)
		}
		w.reset(id)
		alone(t, <-call, messages.ErrUnconfirmed)
		l.silent(false)
		w.wait(id, messages.Open)
		l.want(t, "x", "")
	})
}

func TestDeliverOfAtLeastOnceGoesOnOverDrops(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		call := w.delivers(t.Context(), id, atLeastOnce("x"))
		w.reset(id)
		still(t, call)
		l.silent(false)
		start := time.Now()
		if err := <-call; err != nil || time.Since(start) != time.Minute {
			t.Errorf("returned %v after %v, want nil after 1m", err, time.Since(start))
		}
		l.want(t, "x", "x")
	})
}

func TestDeliverIsWithdrawnWhenItsContextEndsBeforeTheWrite(t *testing.T) {
	for _, g := range []messages.Guarantee{messages.AtMostOnce, messages.AtLeastOnce} {
		t.Run(g.String(), func(t *testing.T) {
			audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
				l := &ledger{}
				w.serves(l.serve)
				id := w.dial(w.target())
				w.reset(id)
				ctx, cancel := context.WithTimeout(t.Context(), 59*time.Second)
				defer cancel()
				m := atMostOnce("x")
				m.Guarantee = g
				start := time.Now()
				alone(t, w.m.Deliver(ctx, id, m), context.DeadlineExceeded)
				if waited := time.Since(start); waited != 59*time.Second {
					t.Errorf("waited %v", waited)
				}
				if i := w.info(id); i.Withdrawn != 1 || i.Queued != 0 || i.QueuedBytes != 0 {
					t.Errorf("withdrawn: %+v", i)
				}
				w.wait(id, messages.Open)
				l.want(t, "", "")
			})
		})
	}
}

func TestDeliverIsUnconfirmedWhenItsContextEndsAfterTheWrite(t *testing.T) {
	for _, g := range []messages.Guarantee{messages.AtMostOnce, messages.AtLeastOnce} {
		t.Run(g.String(), func(t *testing.T) {
			audited(t, actors.Config{}, func(t *testing.T, w *world) {
				l := &ledger{mute: true}
				w.serves(l.serve)
				id := w.dial(w.target())
				ctx, cancel := context.WithCancel(t.Context())
				m := atMostOnce("x")
				m.Guarantee = g
				call := w.delivers(ctx, id, m)
				still(t, call)
				cancel()
				alone(t, <-call, messages.ErrUnconfirmed)
				l.silent(false)
				time.Sleep(time.Second) // the next ping is answered
				synctest.Wait()
				if i := w.info(id); i.Withdrawn != 0 || i.Confirmed+i.Written != 1 || i.State != messages.Open {
					t.Errorf("it did not go its way: %+v", i)
				}
			})
		})
	}
}

func TestAnAtLeastOnceMessageWrittenOnceIsNotWithdrawnInBackoff(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		ctx, cancel := context.WithCancel(t.Context())
		call := w.delivers(ctx, id, atLeastOnce("x"))
		w.reset(id)
		cancel()
		alone(t, <-call, messages.ErrUnconfirmed)
		l.silent(false)
		w.wait(id, messages.Open)
		l.want(t, "x", "x")
	})
}

func TestDeliverWaitsForRoomInTurn(t *testing.T) {
	const waiting = 8
	config := actors.Config{Restart: aMinuteApart, Outbox: actors.Outbox{Messages: waiting}}
	for range 20 {
		audited(t, config, func(t *testing.T, w *world) {
			l := &ledger{}
			w.serves(l.serve)
			id := w.dial(w.target())
			w.reset(id)
			for range waiting {
				w.send(id, atMostOnce("full"))
			}
			if err := w.m.Send(id, atMostOnce("x")); !errors.Is(err, messages.ErrQueueFull) {
				t.Errorf("send into a full outbox: %v", err)
			}
			var calls []<-chan error
			var want []string
			for i := range waiting {
				calls = append(calls, w.delivers(t.Context(), id, atLeastOnce(fmt.Sprint(i))))
				want = append(want, fmt.Sprint(i))
			}
			if i := w.info(id); i.Admitted != waiting {
				t.Errorf("%d admitted, room for %d", i.Admitted, waiting)
			}
			for _, call := range calls {
				if err := <-call; err != nil {
					t.Error(err)
				}
			}
			full := strings.Repeat("full ", waiting)
			l.want(t, "", full+strings.Join(want, " "))
		})
	}
}

func TestDeliverThatWaitsForRoomEndsWithItsContext(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart, Outbox: actors.Outbox{Messages: 1}}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		w.reset(id)
		w.send(id, atMostOnce("full"))
		ctx, cancel := context.WithCancel(t.Context())
		first := w.delivers(ctx, id, atMostOnce("never admitted"))
		second := w.delivers(t.Context(), id, atMostOnce("x"))
		cancel()
		alone(t, <-first, context.Canceled)
		if i := w.info(id); i.Admitted != 1 {
			t.Errorf("%d admitted", i.Admitted)
		}
		if err := <-second; err != nil {
			t.Error(err)
		}
	})
}

func TestASmallDeliverWaitsBehindALargeOne(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart, Outbox: actors.Outbox{Bytes: 10}}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		w.reset(id)
		w.send(id, atMostOnce("12345678"))
		ctx, cancel := context.WithCancel(t.Context())
		large := w.delivers(ctx, id, atMostOnce("12345"))
		small := w.delivers(t.Context(), id, atMostOnce("1"))
		if i := w.info(id); i.Admitted != 1 {
			t.Errorf("%d were admitted out of turn", i.Admitted-1)
		}
		cancel()
		alone(t, <-large, context.Canceled)
		synctest.Wait()
		if i := w.info(id); i.Admitted != 2 {
			t.Error("the next in line has not taken its turn")
		}
		if err := <-small; err != nil {
			t.Error(err)
		}
	})
}

func TestADeliverThatWaitsForRoomIsRefusedWhenTheCloseBegins(t *testing.T) {
	audited(t, actors.Config{Outbox: actors.Outbox{Messages: 1}}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		w.send(id, atLeastOnce("x"))
		calls := []<-chan error{w.delivers(t.Context(), id, atMostOnce("y")), w.delivers(t.Context(), id, atMostOnce("z"))}
		start := time.Now()
		go w.m.Close(t.Context(), id, 0, "")
		for _, call := range calls {
			alone(t, <-call, messages.ErrClosed)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("refused after %v", waited)
		}
	})
}

// A context that ends at the moment at which there is room leaves it to the
// next in line.
func TestRoomIsNotLostOnADeliverThatIsOver(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart, Outbox: actors.Outbox{Messages: 1}}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		for range 50 {
			w.reset(id)
			full := atMostOnce("full")
			full.TTL = time.Second
			w.send(id, full)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			over := w.delivers(ctx, id, atMostOnce("over"))
			next := w.delivers(t.Context(), id, atLeastOnce("next"))
			if err := <-over; !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			synctest.Wait()
			if i := w.info(id); i.Queued != 1 {
				t.Fatalf("nobody has taken the room: %+v", i)
			}
			w.wait(id, messages.Open)
			if err := <-next; err != nil {
				t.Fatal(err)
			}
			cancel()
		}
	})
}

func TestDeliverErrorsSayThatTheMessageDidNotArrive(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart, Outbox: actors.Outbox{Bytes: 4}}, func(t *testing.T, w *world) {
		l := &ledger{}
		w.serves(l.serve)
		id := w.dial(w.target())
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		deliver := func(id messages.ID, m messages.Message) error { return w.m.Deliver(t.Context(), id, m) }
		alone(t, deliver(messages.NewID(), atMostOnce("x")), messages.ErrUnknownConnection)
		alone(t, deliver(id, messages.Message{}), messages.ErrInvalid)
		alone(t, deliver(id, atMostOnce("\xff")), messages.ErrInvalid)
		alone(t, deliver(id, messages.Message{Kind: messages.KindText, TTL: -1}), messages.ErrInvalid)
		alone(t, deliver(id, messages.Message{Kind: messages.KindText, Guarantee: 2}), messages.ErrInvalid)
		alone(t, deliver(id, messages.Message{Kind: messages.KindText, Incarnation: 2}), messages.ErrInvalid)
		alone(t, deliver(id, atMostOnce("12345")), messages.ErrTooLarge)
		alone(t, w.m.Deliver(ended, id, atMostOnce("x")), context.Canceled)
		w.reset(id)
		tied := atMostOnce("x")
		tied.Incarnation = 1
		alone(t, deliver(id, tied), messages.ErrExpired)
		late := atMostOnce("x")
		late.TTL = time.Second
		alone(t, deliver(id, late), messages.ErrExpired)
		keyed := atMostOnce("x")
		keyed.Key = "k"
		call := w.delivers(t.Context(), id, keyed)
		w.send(id, keyed)
		alone(t, <-call, messages.ErrReplaced)
		queued := w.delivers(t.Context(), id, atMostOnce("abc"))
		waits := w.delivers(t.Context(), id, atMostOnce("abc"))
		still(t, queued)
		still(t, waits)
		if err := w.m.Close(t.Context(), id, 0, ""); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{<-queued, <-waits, deliver(id, atMostOnce("x"))} {
			if !errors.Is(err, messages.ErrClosed) || errors.Is(err, messages.ErrUnconfirmed) {
				t.Errorf("closed in backoff: %v", err)
			}
		}
		l.want(t, "")
		if err := w.m.Shutdown(t.Context()); err != nil {
			var left *messages.ShutdownError
			if !errors.As(err, &left) {
				t.Error(err)
			}
		}
		alone(t, deliver(id, atMostOnce("x")), messages.ErrShutdown)
	})
}

func TestDeliverAtAShutdown(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		wrote := w.delivers(t.Context(), id, atLeastOnce("x"))
		w.reset(id)
		queued := w.delivers(t.Context(), id, atLeastOnce("y"))
		err := w.m.Shutdown(t.Context())
		var left *messages.ShutdownError
		if !errors.As(err, &left) || left.Undelivered != 2 {
			t.Errorf("shutdown: %v", err)
		}
		alone(t, <-wrote, messages.ErrUnconfirmed)
		if err := <-queued; !errors.Is(err, messages.ErrClosed) || errors.Is(err, messages.ErrUnconfirmed) {
			t.Errorf("never written: %v", err)
		}
	})
}

func TestDeliverIsConfirmedDuringAClose(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		call := w.delivers(t.Context(), id, atLeastOnce("x"))
		closed := make(chan error, 1)
		go func() { closed <- w.m.Close(t.Context(), id, 0, "") }()
		still(t, closed)
		l.silent(false)
		if err := <-call; err != nil {
			t.Error(err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

func TestDeliverIsUnconfirmedWhenTheConnectionClosesAfterTheWrite(t *testing.T) {
	for _, g := range []messages.Guarantee{messages.AtMostOnce, messages.AtLeastOnce} {
		t.Run(g.String(), func(t *testing.T) {
			audited(t, actors.Config{}, func(t *testing.T, w *world) {
				l := &ledger{mute: true}
				w.serves(l.serve)
				id := w.dial(w.target())
				m := atMostOnce("x")
				m.Guarantee = g
				call := w.delivers(t.Context(), id, m)
				_ = w.m.Close(t.Context(), id, 0, "")
				alone(t, <-call, messages.ErrUnconfirmed)
			})
		})
	}
}

// numbered is what a ping of ours carries.
type numbered struct {
	number      uint32
	incarnation uint64
	messages    uint64
}

func (p numbered) payload() []byte {
	b := binary.BigEndian.AppendUint32(nil, p.number)
	b = binary.BigEndian.AppendUint64(b, p.incarnation)
	return binary.BigEndian.AppendUint64(b, p.messages)
}

package actors_test

import (
	"context"
	"errors"
	"fmt"
	"net"
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

// within returns a context that ends after d.
func (w *world) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	w.t.Cleanup(cancel)
	return ctx
}

// logbook is a handler that notes its calls.
type logbook struct {
	mu    sync.Mutex
	lines []string
	end   error
}

func (d *logbook) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *logbook) Opened(c actors.Conn) error {
	d.note("opened %d", c.Incarnation())
	return nil
}

func (d *logbook) Message(_ actors.Conn, m messages.Message) error {
	d.note("message %s", m.Data)
	return nil
}

func (d *logbook) Dropped(c actors.Conn, _ error) { d.note("dropped %d", c.Incarnation()) }

func (d *logbook) Closed(_ actors.Conn, err error) {
	d.note("closed")
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end = err
}

// ended is what Closed was told.
func (d *logbook) ended() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.end
}

func (d *logbook) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

func TestACloseTellsThePeerAndTheHandler(t *testing.T) {
	var logbook logbook
	bubble(t, actors.Config{Handler: &logbook}, func(t *testing.T, w *world) {
		heard := make(chan error, 1)
		w.serves(func(p *peer) {
			_, _, err := p.ReadMessage()
			heard <- err
		})
		id := w.dial(w.target())
		if err := w.m.Close(t.Context(), id, 4001, "bye"); err != nil {
			t.Fatal(err)
		}
		var told *websocket.CloseError
		if err := <-heard; !errors.As(err, &told) || told.Code != 4001 || told.Text != "bye" {
			t.Errorf("the peer was told %v", err)
		}
		synctest.Wait()
		if want := []string{"opened 1", "closed"}; !slices.Equal(logbook.read(), want) || !closedWith(logbook.ended(), 4001, "bye") {
			t.Errorf("the handler was told %q and %v", logbook.read(), logbook.ended())
		}
		time.Sleep(24 * time.Hour)
		if last := w.last(messages.Connecting); last.Incarnation > 1 {
			t.Error("a deliberate close reconnects")
		}
	})
}

func TestCodeZeroIsNormalClosure(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		if err := w.m.Close(t.Context(), id, 0, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := w.m.Info(id); !closedWith(err, 1000, "") {
			t.Errorf("closed with %v", err)
		}
	})
}

func TestABadCodeOrReasonChangesNothing(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		for _, code := range []int{-1, 1, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65536} {
			if err := w.m.Close(t.Context(), id, code, ""); !errors.Is(err, messages.ErrInvalid) {
				t.Errorf("code %d: %v", code, err)
			}
		}
		for _, reason := range []string{strings.Repeat("x", 124), "\xff", strings.Repeat("é", 62)} {
			if err := w.m.Close(t.Context(), id, 1000, reason); !errors.Is(err, messages.ErrInvalid) {
				t.Errorf("reason %q: %v", reason, err)
			}
		}
		w.state(id, messages.Open)
		if err := w.m.Close(t.Context(), id, 3000, strings.Repeat("x", 123)); err != nil {
			t.Error(err)
		}
	})
}

// stalls are what keeps a target from opening.
var stalls = map[string]func(w *world, t *actors.Target){
	"backoff":    func(w *world, _ *actors.Target) { w.gate.Refuse(-1, drops.Refuse{RetryAfter: time.Minute}) },
	"parked":     func(w *world, _ *actors.Target) { w.gate.Refuse(-1, drops.Refuse{Status: 400}) },
	"dialing":    func(_ *world, t *actors.Target) { t.Dialer.NetDialContext = blocks },
	"handshake":  func(w *world, t *actors.Target) { w.silent("mute:80"); t.URL = "ws://mute:80/" },
	"tls":        func(w *world, t *actors.Target) { w.silent("mute:443"); t.URL = "wss://mute/" },
	"asking":     func(_ *world, t *actors.Target) { t.Request = asksForEver },
	"logging in": func(_ *world, t *actors.Target) { t.Hello = greetsForEver },
	"not ready":  func(_ *world, t *actors.Target) { t.Ready = func(messages.Message) (bool, error) { return false, nil } },
}

func TestWithoutASocketCloseIsAtOnce(t *testing.T) {
	for name, stall := range stalls {
		t.Run(name, func(t *testing.T) {
			var logbook logbook
			bubble(t, actors.Config{Handler: &logbook}, func(t *testing.T, w *world) {
				target := w.target()
				stall(w, &target)
				id := w.start(target)
				w.send(id, messages.Text("never written"))
				synctest.Wait()
				start := time.Now()
				if err := w.m.Close(t.Context(), id, 4000, ""); err != nil {
					t.Error(err)
				}
				w.state(id, messages.Closed)
				if took := time.Since(start); took != 0 {
					t.Errorf("close took %v", took)
				}
				synctest.Wait()
				if n := len(w.net.Conns()); n != 0 {
					t.Errorf("%d sockets are left", n)
				}
				var end *messages.CloseError
				if info, err := w.m.Info(id); !errors.As(err, &end) || end.Undelivered != 1 || info.Undelivered != 1 {
					t.Errorf("undelivered %d, %v", info.Undelivered, err)
				}
				if got := logbook.read(); !slices.Equal(got, []string{"closed"}) {
					t.Errorf("the handler was told %q", got)
				}
			})
		})
	}
}

func TestCloseRightAfterDialLeavesNothing(t *testing.T) {
	for range 100 {
		bubble(t, actors.Config{}, func(t *testing.T, w *world) {
			id := w.start(w.target())
			if err := w.m.Close(t.Context(), id, 0, ""); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if n := len(w.net.Conns()); n != 0 {
				t.Errorf("%d sockets are left", n)
			}
		})
	}
}

func blocks(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func asksForEver(ctx context.Context, _ messages.Attempt) (string, http.Header, error) {
	<-ctx.Done()
	return "", nil, ctx.Err()
}

func greetsForEver(ctx context.Context, _ actors.Conn) ([]messages.Message, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// silent listens at addr and never answers.
func (w *world) silent(addr string) {
	l, err := w.net.Listen(addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
}

func TestADialThatOutlivesItsConnectionIsThrownAway(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		release := make(chan struct{})
		target := w.target()
		target.Dialer.NetDialContext = func(_ context.Context, network, addr string) (net.Conn, error) {
			<-release
			return w.net.DialContext(context.Background(), network, addr)
		}
		id := w.start(target)
		synctest.Wait()
		if err := w.m.Close(t.Context(), id, 0, ""); err != nil {
			t.Fatal(err)
		}
		close(release)
		synctest.Wait()
		if n := len(w.net.Conns()); n != 0 {
			t.Errorf("%d sockets are left", n)
		}
	})
}

func TestASecondCloseWaitsForTheFirst(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		p, id := w.greeted()
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { first <- w.m.Close(w.within(8*time.Second), id, 4001, "first") }()
		synctest.Wait()
		go func() { second <- w.m.Close(w.within(8*time.Second), id, 4002, "second") }()
		time.Sleep(5 * time.Second)
		if len(second) != 0 {
			t.Error("the second Close did not wait")
		}
		go sink(p)
		if err := errors.Join(<-first, <-second); err != nil {
			t.Error(err)
		}
		if _, err := w.m.Info(id); !closedWith(err, 4001, "first") {
			t.Errorf("closed with %v", err)
		}
	})
}

func TestACloseThatIsNotAnsweredIsCutWhenItsContextEnds(t *testing.T) {
	ends := map[string]struct {
		ctx  func(w *world) context.Context
		want time.Duration
		err  error
	}{
		"deadline": {func(w *world) context.Context { return w.within(3 * time.Second) }, 3 * time.Second, context.DeadlineExceeded},
		"cancel":   {func(w *world) context.Context { return w.cancelledAfter(3 * time.Second) }, 3 * time.Second, context.Canceled},
		"at once":  {func(w *world) context.Context { return w.cancelledAfter(0) }, 0, context.Canceled},
		"never":    {func(w *world) context.Context { return context.Background() }, 10 * time.Second, context.DeadlineExceeded},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			bubble(t, actors.Config{}, func(t *testing.T, w *world) {
				_, id := w.greeted()
				ctx, start := end.ctx(w), time.Now()
				err := w.m.Close(ctx, id, 0, "")
				if took := time.Since(start); took != end.want || !errors.Is(err, end.err) {
					t.Errorf("%v after %v, want %v after %v", err, took, end.err, end.want)
				}
				w.state(id, messages.Closed)
			})
		})
	}
}

func (w *world) cancelledAfter(d time.Duration) context.Context {
	ctx, cancel := context.WithCancel(w.t.Context())
	if d == 0 {
		cancel()
	}
	time.AfterFunc(d, cancel)
	return ctx
}

func TestACloseWhileAWriteIsBlockedIsCutInTime(t *testing.T) {
	for _, limit := range []time.Duration{time.Second, 30 * time.Second} { // before and after the wait for confirmations
		t.Run(limit.String(), func(t *testing.T) {
			config := actors.Config{WriteTimeout: time.Hour, Heartbeat: actors.Heartbeat{Off: true}}
			bubble(t, config, func(t *testing.T, w *world) {
				_, id := w.greeted()
				w.send(id, messages.Binary(make([]byte, 500<<10)))
				synctest.Wait()
				start := time.Now()
				err := w.m.Close(w.within(limit), id, 0, "")
				if took := time.Since(start); took != limit || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v after %v, want %v", err, took, limit)
				}
				w.state(id, messages.Closed)
			})
		})
	}
}

func TestACloseWhileTheHandlerLagsIsCutInTime(t *testing.T) {
	release := make(chan struct{})
	config := actors.Config{HandlerTimeout: 24 * time.Hour}
	config.Handler = actors.OnMessage(func(actors.Conn, messages.Message) error {
		<-release
		return nil
	})
	bubble(t, config, func(t *testing.T, w *world) {
		release = make(chan struct{}) // of the bubble
		w.serves(func(p *peer) {
			for range 1 + 64 + 1 {
				frames["message"](p)
			}
			sink(p)
		})
		id := w.dial(w.target())
		synctest.Wait()
		m := messages.Text("not confirmed: nobody reads the pong")
		m.Guarantee = messages.AtLeastOnce
		w.send(id, m)
		start := time.Now()
		err := w.m.Close(w.within(30*time.Second), id, 0, "")
		if took := time.Since(start); took != 30*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %v, want 30s", err, took)
		}
		close(release)
	})
}

func TestACloseWritesAQueueOfManyBatches(t *testing.T) {
	bubble(t, actors.Config{WriteTimeout: time.Minute}, func(t *testing.T, w *world) {
		w.net.Buffer = 4 << 10
		var got inbox
		p, id := w.greeted()
		for range 60 {
			w.send(id, messages.Binary(make([]byte, 16<<10)))
		}
		time.AfterFunc(20*time.Second, func() { got.keep(p) })
		if err := w.m.Close(w.within(time.Minute), id, 0, ""); err != nil {
			t.Error(err)
		}
		if n := len(got.got()); n != 60 {
			t.Errorf("%d of 60 messages arrived before the close", n)
		}
	})
}

func TestAClosedIDIsRememberedForAMinute(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		if err := w.m.Close(t.Context(), id, 0, ""); err != nil {
			t.Fatal(err)
		}
		again := w.target()
		again.ID = id
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		if err := w.m.Send(id, messages.Text("x")); !errors.Is(err, messages.ErrClosed) || !errors.Is(err, net.ErrClosed) {
			t.Errorf("just before a minute: %v", err)
		}
		if _, err := w.m.Dial(t.Context(), again); !errors.Is(err, messages.ErrDuplicateID) {
			t.Errorf("its ID again: %v", err)
		}
		time.Sleep(1)
		synctest.Wait()
		if err := w.m.Send(id, messages.Text("x")); !errors.Is(err, messages.ErrUnknownConnection) {
			t.Errorf("after a minute: %v", err)
		}
		if w.dial(again) != id {
			t.Error("the ID was not taken")
		}
	})
}

func TestTheNewestTenThousandClosedAreRemembered(t *testing.T) {
	const most = 10_000
	bubble(t, actors.Config{Governor: supervision.Limits{Concurrent: 1}}, func(t *testing.T, w *world) {
		target := w.target()
		target.Dialer.NetDialContext = blocks
		blocker := w.start(target)
		var ids []messages.ID
		for range most + 1 {
			id := w.start(target)
			if err := w.m.Close(t.Context(), id, 0, ""); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if err := w.m.Retry(ids[0]); !errors.Is(err, messages.ErrUnknownConnection) {
			t.Errorf("the oldest: %v", err)
		}
		if err := w.m.Retry(ids[1]); !errors.Is(err, messages.ErrClosed) {
			t.Errorf("the oldest but one: %v", err)
		}
		w.state(blocker, messages.Connecting)
	})
}

func TestWhileClosingAllIsRefused(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		p, id := w.greeted()
		done := make(chan error, 1)
		go func() { done <- w.m.Close(t.Context(), id, 0, "") }()
		synctest.Wait()
		x := messages.Text("x")
		for what, err := range map[string]error{
			"Send": w.m.Send(id, x), "Deliver": w.m.Deliver(t.Context(), id, x), "Retry": w.m.Retry(id),
		} {
			if !errors.Is(err, messages.ErrClosed) {
				t.Errorf("%s: %v", what, err)
			}
		}
		go sink(p)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAnAcceptedClientsCloseEndsIt(t *testing.T) {
	var logbook logbook
	bubble(t, actors.Config{Handler: &logbook}, func(t *testing.T, w *world) {
		defer w.listens("front:80", w.m)()
		c := w.calls("front:80")
		c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4000, "enough"), time.Time{})
		_, _, err := c.ReadMessage()
		if !websocket.IsCloseError(err, 4000) {
			t.Errorf("answered with %v", err)
		}
		c.Close()
		synctest.Wait()
		var end *messages.CloseError
		if !errors.As(logbook.ended(), &end) || end.Code != 4000 || end.Reason != "enough" || !end.Remote {
			t.Errorf("closed with %v", logbook.ended())
		}
	})
}

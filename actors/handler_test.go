package actors_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// acts is a handler whose calls are written down, and then do what the test
// says.
type acts struct {
	diary
	opened  func(actors.Conn) error
	message func(actors.Conn, messages.Message) error
	dropped func(actors.Conn, error)
	closed  func(actors.Conn, error)
}

func (h *acts) Opened(c actors.Conn) error {
	_ = h.diary.Opened(c)
	if h.opened != nil {
		return h.opened(c)
	}
	return nil
}

func (h *acts) Message(c actors.Conn, m messages.Message) error {
	_ = h.diary.Message(c, m)
	if h.message != nil {
		return h.message(c, m)
	}
	return nil
}

func (h *acts) Dropped(c actors.Conn, err error) {
	h.diary.Dropped(c, err)
	if h.dropped != nil {
		h.dropped(c, err)
	}
}

func (h *acts) Closed(c actors.Conn, err error) {
	h.diary.Closed(c, err)
	if h.closed != nil {
		h.closed(c, err)
	}
}

// handled dials the server of w with the handler.
func (w *world) handled(h actors.Handler) messages.ID {
	w.t.Helper()
	t := w.target()
	t.Handler = h
	return w.dial(t)
}

// says is a server that sends the texts to each socket and then drops what
// arrives. It passes on what each socket ended with.
func says(ends chan<- error, texts ...string) func(*peer) {
	return func(p *peer) {
		for _, s := range texts {
			_ = p.WriteMessage(websocket.TextMessage, []byte(s))
		}
		for {
			if _, _, err := p.ReadMessage(); err != nil {
				ends <- err
				return
			}
		}
	}
}

func TestCallsAreSerialAndInOrder(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		var (
			inside  atomic.Int32
			current uint64 // the incarnation that is open for the handler
			wrong   []string
		)
		enter := func(c actors.Conn, good bool, what string) func() {
			if n := inside.Add(1); n != 1 || !good {
				wrong = append(wrong, fmt.Sprintf("%s of %d while %d is open, %d inside", what, c.Incarnation(), current, n))
			}
			time.Sleep(7 * time.Millisecond)
			return func() { inside.Add(-1) }
		}
		h := &acts{}
		h.opened = func(c actors.Conn) error {
			defer enter(c, current == 0, "Opened")()
			current = c.Incarnation()
			return nil
		}
		h.message = func(c actors.Conn, m messages.Message) error {
			defer enter(c, current == c.Incarnation(), "Message")()
			return nil
		}
		h.dropped = func(c actors.Conn, err error) {
			defer enter(c, current == c.Incarnation(), "Dropped")()
			current = 0
		}
		h.closed = func(c actors.Conn, err error) { defer enter(c, true, "Closed")() }
		ends := make(chan error, 1000)
		w.serves(says(ends, "a", "b", "c"))
		id := w.handled(h)
		random := rand.New(rand.NewPCG(1, 2))
		for range 30 {
			time.Sleep(time.Duration(random.Int64N(int64(30 * time.Millisecond))))
			_ = drops.Reset{}.Inject(w.wire())
			w.wait(id, messages.Backoff)
			_ = w.m.Retry(id)
			w.wait(id, messages.Open)
		}
		if err := w.m.Close(t.Context(), id, 0, ""); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		for _, s := range wrong {
			t.Error(s)
		}
		all := h.all()
		if n := strings.Count(strings.Join(all, " "), "closed"); n != 1 || all[len(all)-1] != "closed" {
			t.Errorf("closed %d times: %q", n, all)
		}
		if slices.Index(all, "dropped") < 0 {
			t.Error("no drop was told")
		}
	})
}

func TestClosedIsToldOfAConnectionThatNeverOpened(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		var conn actors.Conn
		h := &acts{closed: func(c actors.Conn, _ error) { conn = c }}
		target := w.target()
		target.URL, target.Handler = "ws://nobody:80/", h
		id, err := w.m.Dial(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		w.wait(id, messages.Backoff)
		w.send(id, messages.Text("never sent"))
		if err := w.m.Close(t.Context(), id, 4000, "enough"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if want := []string{"closed"}; !slices.Equal(h.all(), want) {
			t.Errorf("was told %q", h.all())
		}
		var end *messages.CloseError
		if !errors.As(h.ended(), &end) || end.ID != id || end.Code != 4000 || end.Reason != "enough" || end.Remote || end.Undelivered != 1 {
			t.Errorf("ended with %#v", end)
		}
		if conn.ID() != id || conn.Incarnation() != 0 || conn.Peer() != "" || conn.Subprotocol() != "" || conn.Context().Err() == nil {
			t.Errorf("a Conn without a socket: %v %d %q", conn.ID(), conn.Incarnation(), conn.Peer())
		}
		if err := conn.Send(messages.Text("x")); !errors.Is(err, messages.ErrClosed) {
			t.Errorf("Send: %v", err)
		}
		if conn.Info().State != messages.Closed {
			t.Errorf("Info: %v", conn.Info())
		}
	})
}

func TestADeliberateCloseIsNoDrop(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		h := &acts{}
		id := w.handled(h)
		if err := w.m.Close(t.Context(), id, 0, "done"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var end *messages.CloseError
		if want := []string{"opened", "closed"}; !slices.Equal(h.all(), want) {
			t.Errorf("was told %q", h.all())
		}
		if !errors.As(h.ended(), &end) || end.Code != 1000 || end.Reason != "done" || end.Remote || end.Err != nil {
			t.Errorf("ended with %#v", end)
		}
	})
}

var errFault = errors.New("a fault of the handler")

// faults are the ways in which a handler fails.
var faults = map[string]func() error{
	"error": func() error { return errFault },
	"panic": func() error { panic(errFault) },
	"close code that may not be sent": func() error {
		return &messages.CloseError{Code: 1006, Err: errFault}
	},
	"close reason that is too long": func() error {
		return &messages.CloseError{Code: 1000, Reason: strings.Repeat("r", 124), Err: errFault}
	},
}

func TestAFaultOfTheHandlerRestartsAgainstTheBudget(t *testing.T) {
	for name, fault := range faults {
		for _, call := range []string{"Opened", "Message"} {
			t.Run(name+" in "+call, func(t *testing.T) {
				bubble(t, actors.Config{}, func(t *testing.T, w *world) {
					h := faulty(call, fault)
					ends := make(chan error, 10)
					w.serves(says(ends, "x"))
					target := w.target()
					target.Handler = h
					id, err := w.m.Dial(t.Context(), target)
					if err != nil {
						t.Fatal(err)
					}
					w.wait(id, messages.Parked)
					synctest.Wait()
					for range 6 { // five restarts are borne within a minute
						if err := <-ends; !websocket.IsCloseError(err, 1011) {
							t.Errorf("the peer read %v", err)
						}
					}
					if len(ends) != 0 {
						t.Errorf("opened %d more times", len(ends))
					}
					parked, _ := w.events.last(messages.Parked)
					if !isFault(parked.Cause) || parked.Delay != 5*time.Minute {
						t.Errorf("parked for %v after %v", parked.Delay, parked.Cause)
					}
				})
			})
		}
	}
}

func faulty(call string, fault func() error) *acts {
	h := &acts{}
	if call == "Opened" {
		h.opened = func(actors.Conn) error { return fault() }
	} else {
		h.message = func(actors.Conn, messages.Message) error { return fault() }
	}
	return h
}

func isFault(err error) bool {
	var (
		handler  *messages.HandlerError
		panicked *messages.PanicError
	)
	if !errors.As(err, &handler) {
		return false
	}
	if errors.As(err, &panicked) {
		return panicked.Value == any(errFault) && len(panicked.Stack) > 0
	}
	return errors.Is(err, errFault)
}

func TestAFaultOfTheHandlerClosesAnAcceptedConnection(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			h := faulty("Message", fault)
			bubble(t, actors.Config{Handler: h}, func(t *testing.T, w *world) {
				ws := w.calls(w.front(w.m.ServeHTTP))
				defer ws.Close()
				id := w.only()
				_ = ws.WriteMessage(websocket.TextMessage, []byte("x"))
				if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, 1011) {
					t.Errorf("the peer read %v", err)
				}
				_ = ws.Close()
				w.wait(id, messages.Closed)
				synctest.Wait()
				if want := []string{"opened", "text x", "dropped", "closed"}; !slices.Equal(h.all(), want) {
					t.Errorf("was told %q", h.all())
				}
				var end *messages.CloseError
				if !errors.As(h.ended(), &end) || end.Code != 1011 || end.Remote || !isFault(end.Err) {
					t.Errorf("ended with %v", h.ended())
				}
			})
		})
	}
}

func TestAPanicWithoutASocketHarmsNobody(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		h := &acts{
			dropped: func(actors.Conn, error) { panic("dropped") },
			closed:  func(actors.Conn, error) { panic("closed") },
		}
		id := w.handled(h)
		_ = drops.Reset{}.Inject(w.wire())
		w.wait(id, messages.Backoff)
		w.wait(id, messages.Open)
		if n := w.info(id).Incarnation; n != 2 {
			t.Errorf("incarnation %d, want 2", n)
		}
		if err := w.m.Close(t.Context(), id, 0, ""); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if want := []string{"opened", "dropped", "opened", "closed"}; !slices.Equal(h.all(), want) {
			t.Errorf("was told %q", h.all())
		}
	})
}

func TestACloseErrorOfTheHandlerClosesForGood(t *testing.T) {
	for _, call := range []string{"Opened", "Message"} {
		for name, err := range map[string]error{
			"code": &messages.CloseError{Code: 4005, Reason: "go"},
			"wrapped": fmt.Errorf("enough: %w",
				&messages.CloseError{Code: 4005, Reason: "go", Remote: true, Undelivered: 7, Err: errFault}),
		} {
			t.Run(call+" "+name, func(t *testing.T) {
				bubble(t, actors.Config{}, func(t *testing.T, w *world) {
					h := faulty(call, func() error { return err })
					ends := make(chan error, 10)
					w.serves(says(ends, "x", "y"))
					target := w.target()
					target.Handler = h
					id, _ := w.m.Dial(t.Context(), target)
					w.wait(id, messages.Closed)
					synctest.Wait()
					if err := <-ends; !websocket.IsCloseError(err, 4005) || !strings.HasSuffix(err.Error(), "go") {
						t.Errorf("the peer read %v", err)
					}
					all := h.all()
					if slices.Contains(all, "dropped") || slices.Contains(all, "text y") || all[len(all)-1] != "closed" {
						t.Errorf("was told %q", all)
					}
					var end *messages.CloseError
					if !errors.As(h.ended(), &end) || end.Code != 4005 || end.Reason != "go" || end.Remote || end.Undelivered != 0 || end.ID != id {
						t.Errorf("ended with %#v", end)
					}
				})
			})
		}
	}
}

func TestMessagesBehindAFaultAreDropped(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		held := w.holds()
		h := &acts{}
		h.message = func(c actors.Conn, m messages.Message) error {
			if string(m.Data) == "bad" {
				time.Sleep(time.Second)
				return errFault
			}
			return nil
		}
		id := w.handled(h)
		p := <-held
		for _, s := range []string{"good", "bad", "behind", "behind too"} {
			_ = p.WriteMessage(websocket.TextMessage, []byte(s))
		}
		w.wait(id, messages.Backoff)
		w.wait(id, messages.Open)
		_ = (<-held).WriteMessage(websocket.TextMessage, []byte("anew"))
		synctest.Wait()
		if want := []string{"opened", "text good", "text bad", "dropped", "opened", "text anew"}; !slices.Equal(h.all(), want) {
			t.Errorf("was told %q", h.all())
		}
	})
}

func TestAStalledHandlerFailsAtItsTimeoutAndIsWaitedFor(t *testing.T) {
	for _, timeout := range []time.Duration{0, 3 * time.Second} {
		bubble(t, actors.Config{HandlerTimeout: timeout}, func(t *testing.T, w *world) {
			if timeout == 0 {
				timeout = time.Minute
			}
			const stuck = 10 * time.Minute
			h := &acts{message: func(actors.Conn, messages.Message) error {
				time.Sleep(stuck)
				return errFault // nobody's fault any more
			}}
			ends := make(chan error, 10)
			w.serves(says(ends, "x"))
			start := time.Now()
			id := w.handled(h)
			synctest.Wait() // the server has said it
			w.serves(says(ends))
			w.wait(id, messages.Backoff)
			backoff, _ := w.events.last(messages.Backoff)
			if took := time.Since(start); took != timeout || !errors.Is(backoff.Cause, messages.ErrHandlerStalled) {
				t.Errorf("failed after %v with %v", took, backoff.Cause)
			}
			if err := <-ends; !websocket.IsCloseError(err, 1011) {
				t.Errorf("the peer read %v", err)
			}
			w.wait(id, messages.Open)
			if err := w.m.Deliver(t.Context(), id, messages.Text("sending goes on")); err != nil {
				t.Error(err)
			}
			time.Sleep(stuck - time.Since(start) - 1)
			if want := []string{"opened", "text x"}; !slices.Equal(h.all(), want) {
				t.Errorf("was told %q during the call", h.all())
			}
			time.Sleep(2)
			synctest.Wait()
			if want := []string{"opened", "text x", "dropped", "opened"}; !slices.Equal(h.all(), want) {
				t.Errorf("was told %q after the call", h.all())
			}
			if info := w.info(id); info.State != messages.Open || info.Incarnation != 2 {
				t.Errorf("afterwards %v, incarnation %d", info.State, info.Incarnation)
			}
		})
	}
}

func TestAStalledHandlerOfAnAcceptedConnection(t *testing.T) {
	release := make(chan struct{})
	h := &acts{opened: func(actors.Conn) error { <-release; return nil }}
	synctest.Test(t, func(t *testing.T) {
		release = make(chan struct{}) // of the bubble
		w := newWorld(t, actors.Config{Handler: h})
		defer w.close()
		ws := w.calls(w.front(w.m.ServeHTTP))
		defer ws.Close()
		id, start := w.only(), time.Now()
		if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, 1011) || time.Since(start) != time.Minute {
			t.Errorf("the peer read %v after %v", err, time.Since(start))
		}
		w.wait(id, messages.Closed)
		if want := []string{"opened"}; !slices.Equal(h.all(), want) {
			t.Errorf("was told %q during the call", h.all())
		}
		close(release)
		synctest.Wait()
		if want := []string{"opened", "dropped", "closed"}; !slices.Equal(h.all(), want) {
			t.Errorf("was told %q after the call", h.all())
		}
	})
}

func TestASlowHandlerStopsItsReaderAlone(t *testing.T) {
	for name, test := range map[string]struct {
		size, count int
		received    uint64 // one in the call, the queue, and one in the reader's hands
	}{
		"64 messages": {10, 200, 1 + 64 + 1},
		"1 MiB":       {256 << 10, 20, 1 + 4 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, actors.Config{}, func(t *testing.T, w *world) {
				held := w.holds()
				const busy = 50 * time.Second // no message takes too long
				first := true
				h := &acts{message: func(actors.Conn, messages.Message) error {
					if first {
						time.Sleep(busy)
					}
					first = false
					return nil
				}}
				slow, other := w.handled(h), w.handled(&acts{})
				p, q := <-held, <-held
				sent := make(chan time.Time, 1)
				go func() {
					for i := range test.count {
						_ = p.WriteMessage(websocket.BinaryMessage, bytes.Repeat([]byte{byte(i)}, test.size))
					}
					sent <- time.Now()
				}()
				go sink(q)
				start := time.Now()
				synctest.Wait()
				if got := w.info(slow).Received; got != test.received {
					t.Errorf("%d messages were read, want %d", got, test.received)
				}
				if err := w.m.Deliver(t.Context(), other, messages.Text("x")); err != nil || time.Since(start) != 0 {
					t.Errorf("another connection: %v after %v", err, time.Since(start))
				}
				time.Sleep(busy - 1)
				if got := w.info(slow); got.Received != test.received || got.State != messages.Open {
					t.Errorf("%d messages were read, %v", got.Received, got.State)
				}
				time.Sleep(1)
				synctest.Wait()
				if got := len(h.all()); got != 1+test.count {
					t.Errorf("%d calls in the end", got)
				}
				if at := <-sent; test.size > 1000 && at.Sub(start) != busy {
					t.Errorf("the peer wrote on, and was done after %v", at.Sub(start))
				}
			})
		})
	}
}

func TestPingsAreAnsweredWhileTheHandlerIsBusy(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		held := w.holds()
		release := make(chan struct{})
		defer close(release)
		w.handled(&acts{message: func(actors.Conn, messages.Message) error { <-release; return nil }})
		p := <-held
		pongs := make(chan time.Time, 10)
		p.SetPongHandler(func(string) error { pongs <- time.Now(); return nil })
		go sink(p)
		start := time.Now()
		for range 60 {
			_ = p.WriteMessage(websocket.TextMessage, []byte("x"))
		}
		_ = p.WriteControl(websocket.PingMessage, []byte("1"), start.Add(time.Second))
		if at := <-pongs; at != start {
			t.Errorf("answered after %v", at.Sub(start))
		}
	})
}

func TestDataIsNeverReused(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		var kept [][]byte
		for i := range 300 {
			p.put(p.frame(finBinary, bytes.Repeat([]byte{byte(i)}, i*7)))
			synctest.Wait()
			kept = append(kept, p.said.data())
		}
		for i, data := range kept {
			if !bytes.Equal(data, bytes.Repeat([]byte{byte(i)}, i*7)) {
				t.Fatalf("message %d has changed", i)
			}
			clear(data[:cap(data)]) // it is the handler's
		}
		p.put(p.frame(finText, []byte("after")))
		p.hearsLast("text after")
	})
}

func TestAHandlerMayCallItsConnection(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		var got inbox
		w.serves(func(p *peer) {
			_ = p.WriteMessage(websocket.TextMessage, []byte("hi"))
			got.keep(p)
		})
		all := func(c actors.Conn, what string) {
			got.add(fmt.Sprintf("%s %v", what, c.Info().State))
			_ = c.Send(messages.Text("sent in " + what))
			if _, err := w.m.Info(c.ID()); err != nil && what != "closed" {
				t.Error(what, err)
			}
			if err := w.m.Retry(c.ID()); err != nil && what != "closed" {
				t.Error(what, err)
			}
		}
		h := &acts{}
		h.opened = func(c actors.Conn) error { all(c, "opened"); return nil }
		h.dropped = func(c actors.Conn, _ error) { all(c, "dropped") }
		h.closed = func(c actors.Conn, _ error) { all(c, "closed") }
		h.message = func(c actors.Conn, _ messages.Message) error {
			all(c, "message")
			if c.Incarnation() == 1 {
				return errFault
			}
			if err := c.Close(1006, ""); !errors.Is(err, messages.ErrInvalid) {
				t.Error(err)
			}
			return c.Close(4000, "from the handler")
		}
		start := time.Now()
		id := w.handled(h)
		w.wait(id, messages.Closed)
		synctest.Wait()
		if time.Since(start) > 5*time.Millisecond { // the governor's spacing
			t.Errorf("took %v: a Retry from Dropped was not heeded", time.Since(start))
		}
		calls := slices.DeleteFunc(got.got(), func(s string) bool { return strings.HasPrefix(s, "sent") })
		if want := "opened, message, dropped, opened, message, closed"; strings.Join(firstWords(calls), ", ") != want {
			t.Errorf("calls %q", calls)
		}
		for _, want := range []string{"sent in opened", "sent in dropped", "sent in message"} {
			if !slices.Contains(got.got(), want) {
				t.Errorf("the peer did not get %q", want)
			}
		}
	})
}

func firstWords(lines []string) (words []string) {
	for _, s := range lines {
		word, _, _ := strings.Cut(s, " ")
		words = append(words, word)
	}
	return words
}

func TestContextEndsWithTheSocket(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		opened := make(chan actors.Conn, 2)
		id := w.handled(&onOpened{opened})
		first := <-opened
		ctx := first.Context()
		if ctx.Err() != nil {
			t.Error("ended early")
		}
		_ = drops.Reset{}.Inject(w.wire())
		<-ctx.Done()
		w.wait(id, messages.Open)
		second := <-opened
		if second.Context().Err() != nil || first.Context().Err() == nil {
			t.Error("the second socket has the first's context")
		}
		_ = w.m.Close(t.Context(), id, 0, "")
		<-second.Context().Done()
	})
}

func TestContextOfAFailedLoginEnds(t *testing.T) {
	for name, ready := range map[string]func(messages.Message) (bool, error){
		"refused":  func(messages.Message) (bool, error) { return false, errFault },
		"too late": func(messages.Message) (bool, error) { return false, nil },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, actors.Config{}, func(t *testing.T, w *world) {
				target, contexts := w.target(), make(chan context.Context, 1)
				target.Hello = func(_ context.Context, c actors.Conn) ([]messages.Message, error) {
					contexts <- c.Context()
					return []messages.Message{messages.Text("hello")}, nil
				}
				target.Ready = ready
				id, err := w.m.Dial(t.Context(), target)
				if err != nil {
					t.Fatal(err)
				}
				ctx := <-contexts
				w.wait(id, messages.Backoff)
				synctest.Wait()
				if ctx.Err() == nil {
					t.Error("the context outlives the socket")
				}
			})
		})
	}
}

func TestTheHandlersGoroutineExistsOnlyWhileCallsWait(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		held := w.holds()
		release := make(chan struct{})
		w.handled(&acts{message: func(actors.Conn, messages.Message) error { <-release; return nil }})
		p := <-held
		for range 3 {
			synctest.Wait()
			if n := goroutines("(*record).work"); n != 0 {
				t.Fatalf("%d goroutines with nothing to do", n)
			}
			_ = p.WriteMessage(websocket.TextMessage, []byte("x"))
			_ = p.WriteMessage(websocket.TextMessage, []byte("y"))
			synctest.Wait()
			if n := goroutines("(*record).work"); n != 1 {
				t.Fatalf("%d goroutines during a call", n)
			}
			release <- struct{}{}
			release <- struct{}{}
		}
	})
}

// goroutines counts those that run f.
func goroutines(f string) (n int) {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	return strings.Count(string(buf), f+"(")
}

func TestASlowOpenedDelaysOnlyTheHandler(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		start := time.Now()
		id := w.handled(&acts{opened: func(actors.Conn) error { time.Sleep(time.Second); return nil }})
		if err := w.m.Deliver(t.Context(), id, messages.Text("x")); err != nil || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestATargetsHandlerComesBeforeTheConfigs(t *testing.T) {
	of := &acts{}
	bubble(t, actors.Config{Handler: of}, func(t *testing.T, w *world) {
		w.serves(says(make(chan error, 2), "x"))
		own := &acts{}
		w.handled(own)
		synctest.Wait()
		if len(of.all()) != 0 || len(own.all()) != 2 {
			t.Errorf("the config's was told %q, the target's %q", of.all(), own.all())
		}
	})
}

func TestWithoutAHandlerMessagesAreCountedAndDropped(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		held := w.holds()
		id := w.dial(w.target())
		p := <-held
		for range 1000 {
			_ = p.WriteMessage(websocket.TextMessage, []byte("x"))
		}
		synctest.Wait()
		if got := w.info(id).Received; got != 1000 {
			t.Errorf("%d were received", got)
		}
	})
}

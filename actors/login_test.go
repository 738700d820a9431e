package actors_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

var errPlain = errors.New("plain")

// callbacks put f where a Target's callbacks are.
var callbacks = map[string]func(t *actors.Target, f func() error){
	"Request": func(t *actors.Target, f func() error) {
		t.Request = func(context.Context, messages.Attempt) (string, http.Header, error) { return "", nil, f() }
	},
	"Hello": func(t *actors.Target, f func() error) {
		t.Hello = func(context.Context, actors.Conn) ([]messages.Message, error) { return nil, f() }
	},
	"Ready": func(t *actors.Target, f func() error) {
		t.Ready = func(messages.Message) (bool, error) { return true, f() }
	},
}

// greets is a server that says hi and reads on.
func greets(p *peer) {
	frames["message"](p)
	sink(p)
}

func TestAnErrorOfACallbackIsTakenAtItsWord(t *testing.T) {
	errs := map[string]struct {
		fail func() error
		want messages.State
		is   func(error) bool
	}{
		"plain":       {func() error { return errPlain }, messages.Backoff, func(err error) bool { return errors.Is(err, errPlain) }},
		"permanent":   {func() error { return messages.Permanent(errPlain) }, messages.Parked, func(err error) bool { return errors.Is(err, errPlain) }},
		"close error": {func() error { return &messages.CloseError{Code: 4001, Reason: "enough"} }, messages.Closed, func(err error) bool { return closedWith(err, 4001, "enough") }},
		"panic":       {func() error { panic("callback") }, messages.Backoff, panicked("callback")},
	}
	for where, put := range callbacks {
		for name, e := range errs {
			t.Run(where+" "+name, func(t *testing.T) {
				bubble(t, actors.Config{}, func(t *testing.T, w *world) {
					w.serves(greets)
					target := w.target()
					put(&target, e.fail)
					id := w.start(target)
					w.wait(id, messages.Backoff, messages.Parked, messages.Closed)
					w.state(id, e.want)
					if last := w.last(e.want); !e.is(last.Cause) {
						t.Errorf("cause %#v", last.Cause)
					}
				})
			})
		}
	}
}

func closedWith(err error, code int, reason string) bool {
	var end *messages.CloseError
	return errors.As(err, &end) && end.Code == code && end.Reason == reason && !end.Remote
}

func panicked(with any) func(error) bool {
	return func(err error) bool {
		var p *messages.PanicError
		return errors.As(err, &p) && p.Value == with
	}
}

func TestACallbackThatBlocksStallsAndGathersNoOther(t *testing.T) {
	for where, put := range callbacks {
		t.Run(where, func(t *testing.T) {
			bubble(t, actors.Config{}, func(t *testing.T, w *world) {
				w.serves(greets)
				release := make(chan struct{})
				var calls atomic.Int32
				target := w.target()
				put(&target, func() error {
					calls.Add(1)
					<-release
					return nil
				})
				start := time.Now()
				id := w.start(target)
				w.wait(id, messages.Backoff)
				last := w.last(messages.Backoff)
				if found := time.Since(start); found != 10*time.Second || !errors.Is(last.Cause, messages.ErrHandlerStalled) {
					t.Errorf("found after %v, want 10s; cause %v", found, last.Cause)
				}
				w.wait(id, messages.Parked) // the budget of faults is spent
				if n := calls.Load(); n != 1 {
					t.Errorf("%d calls at once", n)
				}
				close(release)
				synctest.Wait()
				w.m.Retry(id)
				w.wait(id, messages.Open)
			})
		})
	}
}

func TestACallbacksContextEndsWithItsAttempt(t *testing.T) {
	bubble(t, actors.Config{HandshakeTimeout: 3 * time.Second}, func(t *testing.T, w *world) {
		ended := make(chan time.Duration, 100)
		start := time.Now()
		target := w.target()
		target.Request = func(ctx context.Context, a messages.Attempt) (string, http.Header, error) {
			<-ctx.Done()
			ended <- time.Since(start)
			return "", nil, ctx.Err()
		}
		id := w.start(target)
		if at := <-ended; at != 3*time.Second {
			t.Errorf("the context ended after %v, want 3s", at)
		}
		w.wait(id, messages.Backoff)
	})
}

func TestHelloComesFirstAtEveryOpening(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		var got inbox
		w.serves(got.keep)
		target := w.target()
		target.Hello = func(_ context.Context, c actors.Conn) ([]messages.Message, error) {
			return []messages.Message{messages.Text(fmt.Sprint("hello ", c.Incarnation())), messages.Text("subscribe")}, nil
		}
		id := w.start(target)
		w.send(id, messages.Text("early"))
		w.wait(id, messages.Open)
		synctest.Wait()
		drops.Reset{}.Inject(w.wire())
		synctest.Wait()
		w.send(id, messages.Text("late"))
		w.wait(id, messages.Open)
		synctest.Wait()
		if want := []string{"hello 1", "subscribe", "early", "hello 2", "subscribe", "late"}; !slices.Equal(got.got(), want) {
			t.Errorf("the peer got %q, want %q", got.got(), want)
		}
		if info := w.info(id); info.Admitted != 2 || info.Written != 2 {
			t.Errorf("hello is counted: %+v", info)
		}
	})
}

func TestAHelloThatMayNotBeSentParks(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		target := w.target()
		target.Hello = func(context.Context, actors.Conn) ([]messages.Message, error) {
			return []messages.Message{messages.Text("\xff")}, nil
		}
		w.wait(w.start(target), messages.Parked)
	})
}

func TestDataWaitsUntilReady(t *testing.T) {
	var handled, got inbox
	config := actors.Config{Handler: actors.OnMessage(func(_ actors.Conn, m messages.Message) error {
		handled.add(string(m.Data))
		return nil
	})}
	bubble(t, config, func(t *testing.T, w *world) {
		w.serves(func(p *peer) {
			go got.keep(p)
			p.WriteMessage(websocket.TextMessage, []byte("not yet"))
			frames["ping"](p)
			w.pause(3 * time.Second)
			p.WriteMessage(websocket.TextMessage, []byte("ready"))
			p.WriteMessage(websocket.TextMessage, []byte("data"))
			w.pause(time.Hour)
		})
		target := w.target()
		target.Ready = func(m messages.Message) (bool, error) { return string(m.Data) == "ready", nil }
		start := time.Now()
		id := w.start(target)
		w.send(id, messages.Text("early"))
		time.Sleep(3*time.Second - 1)
		synctest.Wait()
		w.state(id, messages.Connecting)
		if len(got.got()) != 0 {
			t.Errorf("the peer got %q before it was ready", got.got())
		}
		w.wait(id, messages.Open)
		synctest.Wait()
		if at := time.Since(start); at != 3*time.Second {
			t.Errorf("open after %v, want 3s", at)
		}
		if !slices.Equal(got.got(), []string{"early"}) || !slices.Equal(handled.got(), []string{"data"}) {
			t.Errorf("the peer got %q, the handler %q", got.got(), handled.got())
		}
	})
}

func TestAPeerThatIsNeverReadyTimesOut(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		target := w.target()
		target.Ready = func(messages.Message) (bool, error) { return false, nil }
		start := time.Now()
		id := w.start(target)
		w.wait(id, messages.Backoff)
		last := w.last(messages.Backoff)
		var timeout interface{ Timeout() bool }
		if at := time.Since(start); at != 10*time.Second || !errors.As(last.Cause, &timeout) || !timeout.Timeout() {
			t.Errorf("given up after %v, want 10s; cause %v", at, last.Cause)
		}
	})
}

func TestAMuteServerTimesOutTheHandshake(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		w.silent("mute:80")
		target := w.target()
		target.URL = "ws://mute:80/"
		start := time.Now()
		w.wait(w.start(target), messages.Backoff)
		last := w.last(messages.Backoff)
		var timeout interface{ Timeout() bool }
		if at := time.Since(start); at != 10*time.Second || !errors.As(last.Cause, &timeout) || !timeout.Timeout() {
			t.Errorf("given up after %v, want 10s; cause %v", at, last.Cause)
		}
	})
}

func TestAPeersCloseDuringLoginIsTheCause(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		w.serves(func(p *peer) { drops.CloseCode{Code: 4500, Reason: "bad login"}.Inject(p.wire) })
		target := w.target()
		target.Ready = func(messages.Message) (bool, error) { return false, nil }
		w.wait(w.start(target), messages.Parked)
		last := w.last(messages.Parked)
		var closed *messages.PeerCloseError
		if !errors.As(last.Cause, &closed) || closed.Code != 4500 || closed.Reason != "bad login" {
			t.Errorf("cause %v", last.Cause)
		}
	})
}

func TestFramesInOneWriteWithTheHandshakeAreNotLost(t *testing.T) {
	for _, login := range []bool{false, true} {
		t.Run(fmt.Sprint("login ", login), func(t *testing.T) {
			var handled inbox
			config := actors.Config{Handler: actors.OnMessage(func(_ actors.Conn, m messages.Message) error {
				handled.add(string(m.Data))
				return nil
			})}
			bubble(t, config, func(t *testing.T, w *world) {
				go w.answersAtOnce("hasty:80", "\x81\x05hello\x81\x05world")
				synctest.Wait()
				target := w.target()
				target.URL = "ws://hasty:80/"
				want := []string{"hello", "world"}
				if login {
					target.Ready = func(m messages.Message) (bool, error) { return string(m.Data) == "hello", nil }
					want = want[1:]
				}
				w.dial(target)
				synctest.Wait()
				if !slices.Equal(handled.got(), want) {
					t.Errorf("the handler got %q, want %q", handled.got(), want)
				}
			})
		})
	}
}

// answersAtOnce shakes hands with one client and sends more by the same write.
func (w *world) answersAtOnce(addr, more string) {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455, section 1.3
	l, err := w.net.Listen(addr)
	if err != nil {
		w.t.Error(err)
		return
	}
	defer l.Close()
	c, err := l.Accept()
	if err != nil {
		return
	}
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		w.t.Error(err)
		return
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + guid))
	fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n%s", base64.StdEncoding.EncodeToString(sum[:]), more)
}

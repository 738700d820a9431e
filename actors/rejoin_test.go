package actors_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
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

// couple is a connection of tether.v1, of which both ends are the manager's.
type couple struct {
	*world
	dialed, accepted messages.ID
	came, went       inbox // what the accepted end was told, and the dialed one
}

// soon comes back within milliseconds.
var soon = supervision.Policy{Backoff: supervision.Backoff{Min: time.Millisecond, Max: 4 * time.Millisecond, NoJitter: true}}

func (w *world) couple() *couple {
	c := &couple{world: w}
	c.accepted = messages.NewID()
	known := false
	addr := w.inn(func(*http.Request) actors.Client {
		a := actors.Client{Resume: window, Handler: c.came.handler()}
		if !known {
			a.ID, known = c.accepted, true
		}
		return a
	})
	target := w.target()
	target.URL, target.Resume, target.Handler, target.Restart = "ws://"+addr+"/", true, c.went.handler(), &soon
	c.dialed = w.dial(target)
	return c
}

func (i *inbox) handler() actors.Handler {
	return actors.OnMessage(func(_ actors.Conn, m messages.Message) error {
		i.add(string(m.Data))
		return nil
	})
}

// streams sends numbers from both ends until ctx ends, and returns how many.
func (c *couple) streams(most int, pause func() time.Duration) (sent func() (out, in int)) {
	var (
		done  sync.WaitGroup
		total [2]int
	)
	for i, id := range []messages.ID{c.dialed, c.accepted} {
		done.Go(func() {
			for n := range most {
				for c.m.Send(id, messages.Text(strconv.Itoa(n))) != nil {
					time.Sleep(time.Millisecond)
				}
				total[i]++
				time.Sleep(pause())
			}
		})
	}
	return func() (out, in int) {
		done.Wait()
		return total[0], total[1]
	}
}

// counted asserts that all of the numbers below n came, each once and in order.
func counted(t *testing.T, where string, got []string, n int) {
	t.Helper()
	for i, text := range got {
		if text != strconv.Itoa(i) {
			t.Fatalf("%s: message %d is %s (next %v)", where, i, text, got[i:min(i+5, len(got))])
		}
	}
	if len(got) != n {
		t.Errorf("%s: %d messages came, of %d", where, len(got), n)
	}
}

func TestADialedConnectionThatIsCut100TimesLosesAndRepeatsNothing(t *testing.T) {
	for seed := range uint64(3) {
		audited(t, actors.Config{}, func(t *testing.T, w *world) {
			random := rand.New(rand.NewPCG(seed, 1))
			c := w.couple()
			sent := c.streams(10_000, func() time.Duration { return 100 * time.Microsecond })
			for range 100 {
				time.Sleep(time.Duration(random.Int64N(int64(20 * time.Millisecond))))
				w.wait(c.dialed, messages.Open)
				for _, wire := range w.net.Conns() {
					_ = drops.Reset{}.Inject([]*drops.Conn{wire, wire.Other()}[random.IntN(2)])
				}
			}
			out, in := sent()
			time.Sleep(time.Minute)
			counted(t, "accepted", c.came.got(), out)
			counted(t, "dialed", c.went.got(), in)
			if info := w.info(c.accepted); info.Incarnation < 50 || info.Confirmed != uint64(in) || info.State != messages.Open {
				t.Errorf("%+v", info)
			}
			if info := w.info(c.dialed); info.Confirmed != uint64(out) {
				t.Errorf("%+v", info)
			}
		})
	}
}

// All that may befall a connection befalls it.
func TestAMixedNightLosesAndRepeatsNothing(t *testing.T) {
	faults := []drops.Fault{
		drops.Reset{}, drops.FIN{}, drops.Torn{After: 3}, drops.Torn{After: 100}, drops.Silence{}, drops.Silence{In: true},
		drops.Silence{Out: true}, drops.Stall{}, drops.Slow{}, drops.Bytewise{}, drops.CloseCode{Code: 1001}, drops.CloseCode{Code: 1012},
		drops.CloseCode{Code: 4000},
	}
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			beat := actors.Heartbeat{Idle: 5 * time.Second, Timeout: 5 * time.Second}
			audited(t, actors.Config{Heartbeat: beat}, func(t *testing.T, w *world) {
				random := rand.New(rand.NewPCG(seed, 2))
				c := w.couple()
				sent := c.streams(5_000, func() time.Duration { return 50 * time.Millisecond })
				for range 150 {
					time.Sleep(time.Duration(random.Int64N(int64(2 * time.Second))))
					all := w.net.Conns()
					if len(all) == 0 {
						continue
					}
					wire := all[len(all)-1]
					end := []*drops.Conn{wire, wire.Other()}[random.IntN(2)]
					_ = end.InjectFor(faults[random.IntN(len(faults))], time.Duration(random.Int64N(int64(15*time.Second))))
				}
				out, in := sent()
				time.Sleep(10 * time.Minute)
				counted(t, "accepted", c.came.got(), out)
				counted(t, "dialed", c.went.got(), in)
				if info := w.info(c.accepted); info.Incarnation < 10 {
					t.Errorf("only %d sockets", info.Incarnation)
				}
			})
		})
	}
}

func TestADialedConnectionThatIsTakenOverDoesNotReturn(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		said := &diary{}
		target := w.target()
		target.URL, target.Resume, target.Handler = "ws://"+w.tethered(func(p *peer) {
			_ = p.WriteMessage(websocket.TextMessage, []byte(`{"tether":"v1","token":"t","next":1}`))
			time.Sleep(time.Second)
			_ = p.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4500, "taken over"), time.Now().Add(time.Minute))
			sink(p)
		})+"/", true, said
		id := w.dial(target)
		w.wait(id, messages.Closed)
		synctest.Wait()
		var end *messages.CloseError
		if !errors.As(said.ended(), &end) || end.Code != actors.CloseTakenOver || !end.Remote || end.Reason != "taken over" {
			t.Errorf("%#v", end)
		}
	})
}

// tethered is a server that agrees to tether.v1 and leaves the rest to serve.
func (w *world) tethered(serve func(*peer)) (addr string) {
	return w.front(func(rw http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{Subprotocols: []string{"tether.v1"}}
		ws, err := up.Upgrade(rw, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		serve(&peer{Conn: ws, wire: ws.NetConn().(*drops.Conn), req: r})
	})
}

func TestWhatIsOffered(t *testing.T) {
	bubble(t, actors.Config{Restart: soon}, func(t *testing.T, w *world) {
		var offers inbox
		target := w.target()
		target.URL, target.Resume = "ws://"+w.tethered(func(p *peer) {
			offers.add(strings.Join(p.req.Header.Values("Sec-WebSocket-Protocol"), "|"))
			n := len(offers.got())
			resumed, next := n%2 == 0, []int{3, 1}[n%2] // the third does not know it any more
			_ = p.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"tether":"v1","token":"t%d","resumed":%v,"next":%d,"more":{}}`, n, resumed, next))
			_ = p.WriteMessage(websocket.TextMessage, []byte("one"))
			_ = p.WriteMessage(websocket.BinaryMessage, []byte("two"))
			time.Sleep(time.Second)
		})+"/", true
		w.start(target)
		time.Sleep(3500 * time.Millisecond)
		const returns = "tether.v1, tether.v1.return."
		want := []string{"tether.v1", returns + "t1.2", returns + "t2.4", returns + "t3.2"}
		if got := offers.got(); !slices.Equal(got, want) {
			t.Errorf("offered %q", got)
		}
	})
}

func TestAWelcomeThatIsNoneIsAViolation(t *testing.T) {
	for name, first := range map[string]func(*peer) error{
		"data": func(p *peer) error { return p.WriteMessage(websocket.TextMessage, []byte("hello")) },
		"binary": func(p *peer) error {
			return p.WriteMessage(websocket.BinaryMessage, []byte(`{"tether":"v1","token":"t","next":1}`))
		},
		"ping":            func(p *peer) error { return p.WriteControl(websocket.PingMessage, nil, time.Time{}) },
		"other version":   greetsWith(`{"tether":"v2","token":"t","next":1}`),
		"no token":        greetsWith(`{"tether":"v1","next":1}`),
		"no number":       greetsWith(`{"tether":"v1","token":"t"}`),
		"negative number": greetsWith(`{"tether":"v1","token":"t","next":-1}`),
		"token with dot":  greetsWith(`{"tether":"v1","token":"a.b","next":1}`),
		"token with CRLF": greetsWith(`{"tether":"v1","token":"a\r\nX-Evil: 1","next":1}`),
		"endless token":   greetsWith(`{"tether":"v1","token":"` + strings.Repeat("t", 2000) + `","next":1}`),
		"resumes nothing": greetsWith(`{"tether":"v1","token":"t","next":1,"resumed":true}`),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, actors.Config{Restart: exact}, func(t *testing.T, w *world) {
				told := make(chan error, 100)
				target := w.target()
				target.URL, target.Resume = "ws://"+w.tethered(func(p *peer) {
					_ = first(p)
					_, _, err := p.ReadMessage()
					told <- err
				})+"/", true
				id := w.start(target)
				w.wait(id, messages.Backoff)
				var wrong *messages.ProtocolError
				if cause := w.last(messages.Backoff).Cause; !errors.As(cause, &wrong) || wrong.Code != 1002 || strings.Contains(cause.Error(), "Evil") {
					t.Errorf("failed with %v", cause)
				}
				if err := <-told; !websocket.IsCloseError(err, 1002) {
					t.Errorf("the server was told %v", err)
				}
			})
		})
	}
}

func greetsWith(text string) func(*peer) error {
	return func(p *peer) error { return p.WriteMessage(websocket.TextMessage, []byte(text)) }
}

func TestAServerWithoutAWelcomeTimesOut(t *testing.T) {
	bubble(t, actors.Config{Restart: exact}, func(t *testing.T, w *world) {
		target := w.target()
		target.URL, target.Resume = "ws://"+w.tethered(sink)+"/", true
		start := time.Now()
		id := w.start(target)
		w.wait(id, messages.Backoff)
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("after %v", took)
		}
	})
}

func TestAServerThatDoesNotSpeakTetherV1IsRefused(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		target := w.target()
		target.Resume = true
		id := w.start(target)
		w.wait(id, messages.Parked)
		var refused *messages.HandshakeError
		if cause := w.last(messages.Parked).Cause; !errors.As(cause, &refused) {
			t.Error(cause)
		}
	})
}

func TestAServerThatAgreesToTheReturnIsRefused(t *testing.T) {
	bubble(t, actors.Config{Restart: soon}, func(t *testing.T, w *world) {
		target := w.target()
		target.Resume = true
		target.URL = "ws://" + w.front(func(rw http.ResponseWriter, r *http.Request) {
			offered := websocket.Subprotocols(r)
			up := websocket.Upgrader{Subprotocols: offered[len(offered)-1:]}
			ws, err := up.Upgrade(rw, r, nil)
			if err != nil {
				return
			}
			defer ws.Close()
			_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"tether":"v1","token":"t","next":1}`))
			time.Sleep(time.Second)
		}) + "/"
		w.wait(w.start(target), messages.Parked)
		time.Sleep(time.Second) // for the server
	})
}

func TestAServerThatClosesFirstIsHeard(t *testing.T) {
	bubble(t, actors.Config{Restart: exact}, func(t *testing.T, w *world) {
		target := w.target()
		target.URL, target.Resume = "ws://"+w.tethered(func(p *peer) {
			_ = p.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1013, "later"), time.Now().Add(time.Minute))
			sink(p)
		})+"/", true
		id := w.start(target)
		w.wait(id, messages.Backoff)
		var closed *messages.PeerCloseError
		if last := w.last(messages.Backoff); !errors.As(last.Cause, &closed) || closed.Code != 1013 || last.Delay != 30*time.Second {
			t.Errorf("%+v", last)
		}
	})
}

func TestATargetThatCanNotResumeIsInvalid(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		ready := w.target()
		ready.Resume, ready.Ready = true, func(messages.Message) (bool, error) { return true, nil }
		offers := w.target()
		offers.Resume, offers.Dialer.Subprotocols = true, []string{"chat"}
		for field, target := range map[string]actors.Target{"Ready": ready, "Dialer.Subprotocols": offers} {
			if _, err := w.m.Dial(t.Context(), target); !errors.Is(err, messages.ErrInvalid) || !strings.Contains(err.Error(), field) {
				t.Errorf("%s: %v", field, err)
			}
		}
	})
}

// A server that has forgotten the connection begins anew, and is told again
// what it did not confirm.
func TestAServerThatForgotBeginsAnew(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		var resumed inbox
		said := &diary{}
		addr := w.inn(with(actors.Client{Handler: said}))
		target := w.target()
		target.URL, target.Resume, target.Restart = "ws://"+addr+"/", true, &soon
		target.Handler = openings(func(c actors.Conn) { resumed.add(fmt.Sprint(c.Resumed())) })
		id := w.dial(target)
		there := w.others(id)
		for range 3 {
			w.send(id, messages.Text("known"))
		}
		time.Sleep(time.Second)
		_ = drops.Reset{}.Inject(w.net.Conns()[0])
		time.Sleep(time.Second)
		_ = drops.Silence{In: true}.Inject(w.net.Conns()[0]) // it hears no pong
		w.send(id, messages.Text("twice"))
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = w.m.Close(ctx, there, 1000, "")
		time.Sleep(time.Minute)
		if got := said.all(); len(got) < 2 || got[len(got)-1] != "text twice" || slices.Index(got, "text twice") == len(got)-1 {
			t.Errorf("the server's handler was told %q", got)
		}
		if got := resumed.got(); !slices.Equal(got, []string{"false", "true", "false"}) {
			t.Errorf("resumed: %v", got)
		}
		if info := w.info(id); info.Confirmed != 4 || info.Unconfirmed != 0 {
			t.Errorf("%+v", info)
		}
	})
}

// others returns the connection that is not id.
func (w *world) others(id messages.ID) (other messages.ID) {
	for info := range w.m.Connections() {
		if info.ID != id {
			other = info.ID
		}
	}
	return other
}

// openings is a handler that passes on each Opened.
type openings func(actors.Conn)

func (f openings) Opened(c actors.Conn) error {
	f(c)
	return nil
}
func (openings) Message(actors.Conn, messages.Message) error { return nil }
func (openings) Dropped(actors.Conn, error)                  {}
func (openings) Closed(actors.Conn, error)                   {}

// Hello is said at each opening, outside all counts of ours, but the server
// counts it with the data.
func TestHelloDoesNotUpsetTheCount(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		var came inbox
		addr := w.inn(with(actors.Client{Handler: came.handler()}))
		target := w.target()
		target.URL, target.Resume, target.Restart = "ws://"+addr+"/", true, &soon
		target.Hello = func(_ context.Context, c actors.Conn) ([]messages.Message, error) {
			return []messages.Message{messages.Text(fmt.Sprint("resumed ", c.Resumed())), messages.Text("hello")}, nil
		}
		id := w.dial(target)
		synctest.Wait() // a Hello may be lost
		n := 0
		for range 20 {
			wire := w.net.Conns()[0]
			for _, fault := range []drops.Fault{drops.Silence{In: true}, drops.Silence{Out: true}} { // no pong, then no message arrives
				_ = fault.Inject(wire)
				for range 5 {
					w.send(id, messages.Text(fmt.Sprint(n)))
					n++
				}
				synctest.Wait()
			}
			_ = drops.Reset{}.Inject(wire)
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(time.Second)
		got := slices.DeleteFunc(came.got(), func(s string) bool { return strings.HasPrefix(s, "resumed") || s == "hello" })
		counted(t, "accepted", got, n)
		if greetings := came.got()[:2]; !slices.Equal(greetings, []string{"resumed false", "hello"}) {
			t.Errorf("%q", greetings)
		}
	})
}

// The server will not send again what came behind the message that the handler
// failed at.
func TestAFaultOfTheHandlerLosesNothingOnTetherV1(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		var came inbox
		addr := w.inn(nil)
		target := w.target()
		target.URL, target.Resume, target.Restart = "ws://"+addr+"/", true, &soon
		target.Handler = actors.OnMessage(func(_ actors.Conn, m messages.Message) error {
			came.add(string(m.Data))
			time.Sleep(time.Millisecond)
			if string(m.Data) == "3" {
				return errors.New("no")
			}
			return nil
		})
		id := w.dial(target)
		there := w.others(id)
		for i := range 100 {
			w.send(there, messages.Text(fmt.Sprint(i)))
		}
		time.Sleep(time.Minute)
		counted(t, "dialed", came.got(), 100)
		if info := w.info(id); info.Incarnation != 2 {
			t.Errorf("%+v", info)
		}
	})
}

// The server may have counted a part of a Hello whose attempt then failed.
func TestAHelloThatWasCutConfirmsNoMessage(t *testing.T) {
	audited(t, actors.Config{Restart: soon}, func(t *testing.T, w *world) {
		const data = 5
		sockets := 0
		var came inbox
		target := w.target()
		target.Resume = true
		target.Hello = func(_ context.Context, c actors.Conn) (hello []messages.Message, err error) {
			for range 3 * map[bool]int{true: 1}[c.Resumed()] {
				hello = append(hello, messages.Binary(make([]byte, 80<<10)))
			}
			return hello, nil
		}
		target.URL = "ws://" + w.tethered(func(p *peer) {
			sockets++
			p.SetPingHandler(func(string) error { return nil })
			greeting := fmt.Sprintf(`{"tether":"v1","token":"t","resumed":%v,"next":1,"received":%d}`, sockets > 1, []int{0, 0, 2}[sockets-1])
			_ = p.WriteMessage(websocket.TextMessage, []byte(greeting))
			for range []int{data, 2, 3 + data}[sockets-1] {
				if _, text, err := p.ReadMessage(); err != nil {
					t.Error(err)
				} else if sockets == 3 && len(text) < 10 {
					came.add(string(text))
				}
			}
			_ = drops.Reset{}.Inject(p.wire)
			if sockets == 3 {
				_ = w.m.Close(context.Background(), w.only(), 0, "")
			}
		}) + "/"
		id := w.start(target)
		for i := range data {
			w.send(id, messages.Text(strconv.Itoa(i)))
		}
		w.wait(id, messages.Closed)
		counted(t, "the server", came.got(), data)
	})
}

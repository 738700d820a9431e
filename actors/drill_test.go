package actors_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

var drills = actors.Config{Drills: true}

// drill asserts that d strikes the connections, and no others.
func (w *world) drill(d actors.Drill, want ...messages.ID) {
	w.t.Helper()
	struck, err := w.m.Drill(d)
	slices.SortFunc(want, byID)
	if err != nil || !slices.Equal(struck, want) {
		w.t.Fatalf("struck %v, want %v; error %v", struck, want, err)
	}
}

func byID(a, b messages.ID) int { return slices.Compare(a[:], b[:]) }

// labelled dials a connection with the labels, given as names and values.
func (w *world) labelled(labels ...string) messages.ID {
	w.t.Helper()
	t := w.target()
	t.Labels = map[string]string{}
	for pair := range slices.Chunk(labels, 2) {
		t.Labels[pair[0]] = pair[1]
	}
	return w.dial(t)
}

// fleet dials n connections.
func (w *world) fleet(n int) (ids []messages.ID) {
	w.t.Helper()
	for range n {
		ids = append(ids, w.dial(w.target()))
	}
	return ids
}

func TestADrillIsADropLikeAnyOther(t *testing.T) {
	bubble(t, drills, func(t *testing.T, w *world) {
		ids := w.fleet(2)
		w.drill(actors.Drill{Fault: drops.Reset{}, For: time.Second, ID: ids[0]}, ids[0])
		w.wait(ids[0], messages.Backoff)
		if cause := w.last(messages.Backoff).Cause; !errors.Is(cause, syscall.ECONNRESET) {
			t.Errorf("dropped for %v", cause)
		}
		w.wait(ids[0], messages.Open)
		if struck, spared := w.info(ids[0]).Incarnation, w.info(ids[1]).Incarnation; struck != 2 || spared != 1 {
			t.Errorf("incarnation %d, and %d of the one that was not meant", struck, spared)
		}
		if err := w.m.Deliver(t.Context(), ids[0], atLeastOnce("again")); err != nil {
			t.Error(err)
		}
	})
}

// listener notes what it hears, and when.
type listener struct {
	start time.Time
	inbox
}

func (l *listener) handler() actors.Handler {
	return actors.OnMessage(func(_ actors.Conn, m messages.Message) error {
		l.add(fmt.Sprintf("%s at %v", m.Data, time.Since(l.start)))
		return nil
	})
}

func TestADrillsSilenceEndsInTimeAndLosesNothing(t *testing.T) {
	for name, ends := range map[string]func(*world, time.Duration) actors.Drill{
		"by itself": func(_ *world, after time.Duration) actors.Drill {
			return actors.Drill{Fault: drops.Silence{}, For: after}
		},
		"by EndDrills": func(w *world, after time.Duration) actors.Drill {
			time.AfterFunc(after, w.m.EndDrills)
			return actors.Drill{Fault: drops.Silence{}, For: 24 * time.Hour}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, drills, func(t *testing.T, w *world) {
				peers := make(chan *peer, 1)
				w.serves(func(p *peer) {
					peers <- p
					echo(p)
				})
				heard := &listener{start: time.Now()}
				id := w.handled(heard.handler())
				p := <-peers
				news := func(s string) { p.wire.Write(encode(0x81, []byte(s), false)) }
				news("hi")
				synctest.Wait()
				w.drill(ends(w, 20*time.Second), id) // no beat is due before
				time.Sleep(5 * time.Second)
				news("news")
				time.Sleep(7 * time.Second)
				w.send(id, atLeastOnce("order"))
				time.Sleep(8 * time.Second)
				synctest.Wait()
				if want := []string{"hi at 0s", "news at 20s", "order at 20s"}; !slices.Equal(heard.got(), want) {
					t.Errorf("heard %q, want %q", heard.got(), want)
				}
				if info := w.info(id); info.Incarnation != 1 || info.Confirmed != 1 {
					t.Errorf("incarnation %d, %d confirmed", info.Incarnation, info.Confirmed)
				}
			})
		})
	}
}

func TestADrillsSilenceIsFoundByTheHeartbeat(t *testing.T) {
	bubble(t, drills, func(t *testing.T, w *world) {
		_, id := w.greeted()
		start := time.Now()
		w.serves(echo)
		w.drill(actors.Drill{Fault: drops.Silence{}, For: time.Hour}, id)
		w.wait(id, messages.Backoff)
		found, cause := time.Since(start), w.last(messages.Backoff).Cause
		if found != 35*time.Second || !errors.Is(cause, messages.ErrHeartbeatTimeout) {
			t.Errorf("found after %v, want 35s: %v", found, cause)
		}
		w.wait(id, messages.Open)
		if err := w.m.Deliver(t.Context(), id, atLeastOnce("over the next socket")); err != nil {
			t.Error(err)
		}
	})
}

func TestADrillEndsTheOneBefore(t *testing.T) {
	bubble(t, drills, func(t *testing.T, w *world) {
		_, id := w.greeted()
		start := time.Now()
		w.drill(actors.Drill{Fault: drops.Silence{}, For: 10 * time.Second}, id)
		time.Sleep(5 * time.Second)
		w.drill(actors.Drill{Fault: drops.Silence{In: true}, For: time.Hour}, id)
		w.wait(id, messages.Backoff)
		if found := time.Since(start); found != 35*time.Second {
			t.Errorf("found after %v: the first drill's end ended the second", found)
		}
	})
}

func TestADrillStrikesItsShareExactly(t *testing.T) {
	for share, want := range map[float64]int{0: 40, 0.001: 1, 0.25: 10, 0.26: 10, 0.2625: 11, 0.99: 40, 1: 40} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			bubble(t, drills, func(t *testing.T, w *world) {
				ids := w.fleet(40)
				struck, err := w.m.Drill(actors.Drill{Fault: drops.Reset{}, For: time.Second, Share: share})
				if len(struck) != want || err != nil || !slices.IsSortedFunc(struck, byID) {
					t.Errorf("struck %v, %v; want %d in order", struck, err, want)
				}
				time.Sleep(time.Minute)
				for _, id := range ids {
					if dropped := w.info(id).Incarnation == 2; dropped != slices.Contains(struck, id) {
						t.Errorf("%v dropped: %v", id, dropped)
					}
				}
			})
		})
	}
}

func TestADrillsShareIsDrawnFromRandom(t *testing.T) {
	var asked atomic.Int32
	random := func(id messages.ID) float64 { // the odd ones are low
		asked.Add(1)
		return float64(1-id[15]%2) / 2
	}
	bubble(t, actors.Config{Drills: true, Random: random}, func(t *testing.T, w *world) {
		var odd []messages.ID
		for i := range 10 {
			target := w.target()
			target.ID = numberedID(i)
			if w.dial(target); target.ID[15]%2 == 1 {
				odd = append(odd, target.ID)
			}
		}
		asked.Store(0)
		w.drill(actors.Drill{Fault: drops.Stall{}, For: time.Second, Share: 0.5}, odd...)
		w.drill(actors.Drill{Fault: drops.Stall{}, For: time.Second, ID: odd[0]}, odd[0])
		if n := asked.Load(); n != 10 {
			t.Errorf("%d draws, want one for each connection of the first drill", n)
		}
	})
}

func TestADrillSelectsByAllThatItSays(t *testing.T) {
	bubble(t, drills, func(t *testing.T, w *world) {
		bids, asks, none := w.labelled("feed", "bids", "zone", "a"), w.labelled("feed", "asks", "zone", "a"), w.labelled()
		for _, c := range []struct {
			id     messages.ID
			labels map[string]string
			want   []messages.ID
		}{
			{want: []messages.ID{bids, asks, none}},
			{labels: map[string]string{}, want: []messages.ID{bids, asks, none}},
			{labels: map[string]string{"zone": "a"}, want: []messages.ID{bids, asks}},
			{labels: map[string]string{"zone": "a", "feed": "asks"}, want: []messages.ID{asks}},
			{labels: map[string]string{"zone": "b"}},
			{labels: map[string]string{"other": ""}},
			{id: bids, want: []messages.ID{bids}},
			{id: bids, labels: map[string]string{"feed": "bids"}, want: []messages.ID{bids}},
			{id: bids, labels: map[string]string{"feed": "asks"}},
		} {
			w.drill(actors.Drill{Fault: drops.Stall{}, For: time.Second, ID: c.id, Labels: c.labels}, c.want...)
		}
	})
}

func TestOnlyOpenConnectionsAreDrilled(t *testing.T) {
	bubble(t, actors.Config{Drills: true, Restart: aMinuteApart}, func(t *testing.T, w *world) {
		open := w.dial(w.target())
		connecting, release := w.held(w.target())
		defer release()
		w.holds() // and answers no close
		backoff, closing := w.dial(w.target()), w.dial(w.target())
		w.drill(actors.Drill{Fault: drops.Reset{}, For: time.Second, ID: backoff}, backoff)
		go w.m.Close(t.Context(), closing, 0, "")
		synctest.Wait()
		w.state(connecting, messages.Connecting)
		w.state(backoff, messages.Backoff)
		w.state(closing, messages.Closing)
		w.drill(actors.Drill{Fault: drops.Stall{}, For: time.Second}, open)
		w.drill(actors.Drill{Fault: drops.Stall{}, For: time.Second, ID: backoff})
	})
}

func TestADrillThatCantBeIsAClearError(t *testing.T) {
	bubble(t, drills, func(t *testing.T, w *world) {
		closed := w.dial(w.target())
		if err := w.m.Close(t.Context(), closed, 0, ""); err != nil {
			t.Fatal(err)
		}
		w.dial(w.target())
		fits := actors.Drill{Fault: drops.Silence{}, For: time.Second}
		for name, c := range map[string]struct {
			change func(*actors.Drill)
			want   error
			text   string
		}{
			"no fault":       {func(d *actors.Drill) { d.Fault = nil }, messages.ErrInvalid, "Drill.Fault"},
			"a bad fault":    {func(d *actors.Drill) { d.Fault = drops.Torn{After: -1} }, messages.ErrInvalid, "1 of 1"},
			"no end":         {func(d *actors.Drill) { d.For = 0 }, messages.ErrInvalid, "Drill.For"},
			"a past end":     {func(d *actors.Drill) { d.For = -1 }, messages.ErrInvalid, "Drill.For"},
			"too far an end": {func(d *actors.Drill) { d.For = 24*time.Hour + 1 }, messages.ErrInvalid, "Drill.For"},
			"below 0":        {func(d *actors.Drill) { d.Share = -0.1 }, messages.ErrInvalid, "Drill.Share"},
			"over 1":         {func(d *actors.Drill) { d.Share = 1.1 }, messages.ErrInvalid, "Drill.Share"},
			"no number":      {func(d *actors.Drill) { d.Share = math.NaN() }, messages.ErrInvalid, "Drill.Share"},
			"unknown":        {func(d *actors.Drill) { d.ID = messages.NewID() }, messages.ErrUnknownConnection, ""},
			"closed":         {func(d *actors.Drill) { d.ID = closed }, messages.ErrClosed, ""},
		} {
			d := fits
			c.change(&d)
			if struck, err := w.m.Drill(d); struck != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: struck %v, %v", name, struck, err)
			}
		}
		if _, err := w.m.Drill(actors.Drill{Share: 2}); !strings.Contains(err.Error(), "Fault") ||
			!strings.Contains(err.Error(), "For") || !strings.Contains(err.Error(), "Share") {
			t.Errorf("not all that is wrong is in %v", err)
		}
		_ = w.m.Shutdown(t.Context())
		if _, err := w.m.Drill(fits); !errors.Is(err, messages.ErrShutdown) {
			t.Errorf("after Shutdown: %v", err)
		}
		w.m.EndDrills()
	})
}

// tattler is a socket that tells whether a drops.Conn was about it.
type tattler struct {
	net.Conn
	wrapped *atomic.Bool
}

func (c tattler) Write(b []byte) (int, error) {
	callers := make([]uintptr, 20)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	for f, more := frames.Next(); more; f, more = frames.Next() {
		if strings.Contains(f.Function, "drops.(*Conn)") {
			c.wrapped.Store(true)
		}
	}
	return c.Conn.Write(b)
}

func TestWithoutDrillsNothingIsWrapped(t *testing.T) {
	for _, on := range []bool{false, true} {
		bubble(t, actors.Config{Drills: on}, func(t *testing.T, w *world) {
			var wrapped atomic.Bool
			target := w.target()
			target.Dialer.NetDial = func(network, addr string) (net.Conn, error) {
				c, err := w.net.DialContext(t.Context(), network, addr)
				return tattler{c, &wrapped}, err
			}
			target.Dialer.NetDialContext = nil
			id := w.dial(target)
			if err := w.m.Deliver(t.Context(), id, atLeastOnce("x")); err != nil {
				t.Error(err)
			}
			if wrapped.Load() != on {
				t.Errorf("Drills %v: wrapped %v", on, wrapped.Load())
			}
			if on {
				return
			}
			_, err := w.m.Drill(actors.Drill{Fault: drops.Reset{}, For: time.Second})
			if !errors.Is(err, messages.ErrInvalid) || !strings.Contains(err.Error(), "Config.Drills") {
				t.Errorf("a drill without Drills: %v", err)
			}
			w.m.EndDrills()
			w.state(id, messages.Open)
		})
	}
}

// What a forgotten drill holds back is not lost with the manager.
func TestShutdownEndsTheDrills(t *testing.T) {
	bubble(t, drills, func(t *testing.T, w *world) {
		heard := &inbox{}
		w.serves(heard.keep)
		id := w.dial(w.target())
		w.drill(actors.Drill{Fault: drops.Silence{}, For: 24 * time.Hour}, id)
		w.send(id, atLeastOnce("held back"))
		start := time.Now()
		if err := w.m.Shutdown(w.within(5 * time.Second)); err != nil || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if got := heard.got(); !slices.Equal(got, []string{"held back"}) {
			t.Errorf("heard %q", got)
		}
	})
}

// ender is a fault that comes at the very moment at which drills are ended.
type ender struct {
	m *actors.Manager
	drops.Fault
}

func (e ender) Inject(c *drops.Conn) error {
	e.m.EndDrills()
	return e.Fault.Inject(c)
}

func TestEndDrillsEndsOneThatIsUnderWay(t *testing.T) {
	bubble(t, drills, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		w.drill(actors.Drill{Fault: ender{w.m, drops.Silence{}}, For: time.Hour}, id)
		if err := w.m.Deliver(w.within(time.Second), id, atLeastOnce("x")); err != nil {
			t.Errorf("it is silent still: %v", err)
		}
	})
}

// accepted returns the ID of a plain client's connection, and its socket.
func (w *world) accepted() (messages.ID, *websocket.Conn) {
	const here = "tether:80"
	stop := w.listens(here, w.m)
	w.t.Cleanup(func() { _ = stop() })
	ws := w.calls(here)
	w.wait(w.only(), messages.Open)
	return w.only(), ws
}

func TestAcceptedConnectionsAreDrilled(t *testing.T) {
	for name, c := range map[string]struct {
		fault drops.Fault
		after time.Duration
		cause error
	}{
		"reset":   {drops.Reset{}, 0, syscall.ECONNRESET},
		"silence": {drops.Silence{}, 35 * time.Second, messages.ErrHeartbeatTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, drills, func(t *testing.T, w *world) {
				id, ws := w.accepted()
				defer ws.Close()
				_ = ws.WriteMessage(websocket.TextMessage, []byte("hi"))
				synctest.Wait()
				start := time.Now()
				w.drill(actors.Drill{Fault: c.fault, For: time.Hour}, id)
				w.wait(id, messages.Closed)
				if _, err := w.m.Info(id); !errors.Is(err, c.cause) || time.Since(start) != c.after {
					t.Errorf("closed after %v by %v", time.Since(start), err)
				}
			})
		})
	}
}

// opaque hides what the conns of a listener are.
type opaque struct{ net.Listener }

func (l opaque) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return struct{ net.Conn }{c}, err
}

// acceptedOverTLS is accepted over TLS, on what the listener accepts.
func (w *world) acceptedOverTLS(beneath func(net.Listener) net.Listener) (messages.ID, *websocket.Conn) {
	w.t.Helper()
	l, err := w.net.Listen(secureAddress)
	if err != nil {
		w.t.Fatal(err)
	}
	roots := w.secureOn(beneath(l), w.m)
	d := websocket.Dialer{NetDialContext: w.net.DialContext, TLSClientConfig: &tls.Config{RootCAs: roots}}
	ws, _, err := d.Dial("wss://"+secureAddress+"/", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = ws.Close() })
	w.wait(w.only(), messages.Open)
	return w.only(), ws
}

func TestDrillsOverTLS(t *testing.T) {
	sides := map[string]func(*world) messages.ID{
		"dialed": func(w *world) messages.ID { return w.dial(w.secureTarget()) },
		"accepted": func(w *world) messages.ID {
			id, ws := w.acceptedOverTLS(func(l net.Listener) net.Listener { return drops.Listen(l) })
			go echo(&peer{Conn: ws})
			return id
		},
	}
	for side, opens := range sides {
		for _, c := range []struct {
			fault drops.Fault
			after time.Duration
			fits  func(error) bool
		}{
			{drops.Reset{}, 0, func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
			{drops.Silence{}, 35 * time.Second, func(err error) bool { return errors.Is(err, messages.ErrHeartbeatTimeout) }},
			{drops.CloseCode{Code: 4000}, 0, func(err error) bool {
				var closed *messages.PeerCloseError
				return errors.As(err, &closed) && closed.Code == 4000
			}},
			{drops.CloseCode{Code: 4000, Leave: true}, 0, func(err error) bool { return errors.Is(err, net.ErrClosed) }},
			{drops.Garbage{}, 0, func(err error) bool {
				var closed *messages.PeerCloseError
				return errors.As(err, &closed) && closed.Code == websocket.CloseProtocolError
			}},
		} {
			t.Run(fmt.Sprint(side, " ", c.fault), func(t *testing.T) {
				bubble(t, drills, func(t *testing.T, w *world) {
					id := opens(w)
					w.send(id, messages.Text("an echo"))
					synctest.Wait()
					time.Sleep(20 * time.Second) // the deadline of what was written is over
					w.send(id, messages.Text("another"))
					synctest.Wait()
					start := time.Now()
					w.drill(actors.Drill{Fault: c.fault, For: time.Hour}, id)
					w.wait(id, messages.Backoff, messages.Parked, messages.Closed)
					info, _ := w.m.Info(id)
					if cause := info.History[len(info.History)-1].Cause; !c.fits(cause) || time.Since(start) != c.after {
						t.Errorf("dropped after %v by %v", time.Since(start), cause)
					}
				})
			})
		}
	}
}

// dialsOpaque dials a socket that is no drops.Conn, as far as one can see.
func (w *world) dialsOpaque(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := w.net.DialContext(ctx, network, addr)
	return struct{ net.Conn }{c}, err
}

func TestADrillOverTLSThatIsSilentForAWhileLosesNothing(t *testing.T) {
	bubble(t, drills, func(t *testing.T, w *world) {
		target, said := w.secureTarget(), &diary{}
		target.Handler = said
		target.Dialer.NetDialContext = w.dialsOpaque
		id := w.dial(target)
		w.roundTrips(id, said)
		start := time.Now()
		w.drill(actors.Drill{Fault: drops.Silence{}, For: 5 * time.Second}, id)
		if err := w.m.Deliver(t.Context(), id, atLeastOnce("held back")); err != nil || time.Since(start) != 5*time.Second {
			t.Errorf("confirmed after %v: %v", time.Since(start), err)
		}
		w.roundTrips(id, said)
		if n := w.info(id).Incarnation; n != 1 {
			t.Errorf("incarnation %d", n)
		}
	})
}

func TestADrillSaysWhomItSpared(t *testing.T) {
	bubble(t, drills, func(t *testing.T, w *world) {
		sealed, _ := w.acceptedOverTLS(func(l net.Listener) net.Listener { return opaque{l} })
		plain := w.dial(w.target())
		struck, err := w.m.Drill(actors.Drill{Fault: drops.Silence{}, For: time.Second})
		if !slices.Equal(struck, []messages.ID{plain}) || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("struck %v, %v", struck, err)
		}
		for _, part := range []string{"1 of 2", sealed.String()} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q is not in %q", part, err)
			}
		}
		w.drill(actors.Drill{Fault: drops.CloseCode{Code: 4000}, For: time.Second, ID: sealed}, sealed)
	})
}

// dated is a socket that knows when it was last written to.
type dated struct {
	net.Conn
	last *atomic.Pointer[time.Time]
}

func (c dated) Write(b []byte) (int, error) {
	now := time.Now()
	c.last.Store(&now)
	return c.Conn.Write(b)
}

func TestADrilledSocketIsCutWithoutAFarewellOfTLS(t *testing.T) { // which could wait for the peer
	bubble(t, drills, func(t *testing.T, w *world) {
		var last atomic.Pointer[time.Time]
		target := w.secureTarget()
		target.Dialer.NetDialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := w.net.DialContext(ctx, network, addr)
			return dated{c, &last}, err
		}
		id := w.dial(target)
		w.drill(actors.Drill{Fault: drops.Silence{In: true}, For: time.Hour}, id)
		w.wait(id, messages.Backoff)
		synctest.Wait()
		if since := time.Since(*last.Load()); since != time.Second { // a ping a second before
			t.Errorf("last written to %v ago", since)
		}
	})
}

// mumbler is a socket that is torn after the first write that holds a word,
// and can't say how much of that has left.
type mumbler struct {
	net.Conn
	word string
}

func (c mumbler) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if !bytes.Contains(unmasked(b), []byte(c.word)) {
		return n, err
	}
	_ = c.Close()
	return 0, io.ErrClosedPipe
}

// unmasked returns the payload of a short frame of a client's.
func unmasked(frame []byte) []byte {
	const header = 2 + 4
	if len(frame) < header {
		return nil
	}
	payload := bytes.Clone(frame[header:])
	for i := range payload {
		payload[i] ^= frame[2+i%4]
	}
	return payload
}

func TestADrillableSocketThatFailsVaguelyRepeatsNothing(t *testing.T) {
	for name, change := range map[string]func(*world, *actors.Target) drops.Fault{
		"TLS": func(w *world, target *actors.Target) drops.Fault {
			*target = w.secureTarget()
			return drops.Torn{After: 3}
		},
		"no stream": func(w *world, target *actors.Target) drops.Fault {
			target.Dialer.NetDialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := w.net.DialContext(ctx, network, addr)
				return mumbler{c, "once"}, err
			}
			return drops.Stall{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, drills, func(t *testing.T, w *world) {
				target := w.target()
				fault := change(w, &target)
				id := w.dial(target)
				w.drill(actors.Drill{Fault: fault, For: time.Second}, id)
				w.send(id, messages.Text("once"))
				w.wait(id, messages.Backoff)
				w.wait(id, messages.Open)
				time.Sleep(time.Minute)
				if info := w.info(id); info.Incarnation != 2 || info.Written != 1 || info.Received != 0 {
					t.Errorf("incarnation %d, %d written, %d came back", info.Incarnation, info.Written, info.Received)
				}
			})
		})
	}
}

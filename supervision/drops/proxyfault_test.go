package drops_test

import (
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// bubble is a proxy and its server in memory and virtual time.
type bubble struct {
	*drops.Proxy
	network *drops.Network
	sockets chan *websocket.Conn
}

func inBubble(t *testing.T, test func(t *testing.T, b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{must(drops.NewProxy("ws://server")), drops.NewNetwork(), make(chan *websocket.Conn, 100)}
		b.Dial = b.network.DialContext
		server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b.sockets <- must(new(websocket.Upgrader).Upgrade(w, r, nil))
		})}
		go server.Serve(must(b.network.Listen("server:80")))
		go b.Serve(must(b.network.Listen("proxy:80")))
		synctest.Wait()
		defer server.Close()
		defer b.Close()
		test(t, b)
	})
}

// dial opens a connection through the proxy and returns both its ends.
func (b *bubble) dial(t *testing.T) (client, server *websocket.Conn) {
	t.Helper()
	client, _, err := b.ask()
	if err != nil {
		t.Fatal(err)
	}
	server = <-b.sockets
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	return client, server
}

func (b *bubble) ask() (ws *websocket.Conn, status int, err error) {
	dialer := websocket.Dialer{NetDialContext: b.network.DialContext}
	ws, answer, err := dialer.Dial("ws://proxy:80", nil)
	return ws, answer.StatusCode, err
}

func TestAResetReachesBothPeersOfAnIdleConnection(t *testing.T) {
	s := newStand(t)
	client, server := s.dial(t)
	if err := s.InjectInto(1, drops.Injection{Fault: drops.Reset{}}); err != nil {
		t.Fatal(err)
	}
	for _, ws := range []*websocket.Conn{client, server} {
		if err := readError(ws); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	}
	await(t, "the end", func() bool { return s.Counts().Ends.Faults["reset"] == 1 })
	if err := s.InjectInto(1, drops.Injection{Fault: drops.Reset{}}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("again: %v", err)
	}
	if c := s.Counts(); c.Faults["reset"] != 1 || len(s.Connections()) != 0 {
		t.Errorf("counted %+v", c)
	}
}

func TestAFINReachesBothPeersAndWhatTheyStillSendIsDropped(t *testing.T) {
	s := newStand(t)
	client, server := s.dial(t)
	if err := s.Inject(0, drops.FIN{}, 0); err != nil {
		t.Fatal(err)
	}
	for _, ws := range []*websocket.Conn{client, server} {
		if err := readError(ws); !strings.Contains(err.Error(), "unexpected EOF") {
			t.Error(err)
		}
	}
	for _, ws := range []*websocket.Conn{client, server} {
		if err := ws.WriteMessage(websocket.BinaryMessage, make([]byte, huge)); err != nil {
			t.Errorf("writing into the open half: %v", err)
		}
		_ = ws.Close()
	}
	await(t, "the end", func() bool { return s.Counts().Ends.Faults["fin"] == 1 })
	if c := s.Counts(); c.FromClient.Messages != 1 || c.FromServer.Messages != 1 {
		t.Errorf("counted %+v", c)
	}
}

func TestATornFrameBringsTheConnectionDown(t *testing.T) {
	for _, fin := range []bool{false, true} {
		s := newStand(t)
		client, server := s.dial(t)
		if err := s.Inject(0, drops.Torn{After: 1, FIN: fin}, 0); err != nil {
			t.Fatal(err)
		}
		if c := s.Connections()[0]; c.Fault != (drops.Torn{After: 1, FIN: fin}) || c.Side != drops.ClientSide {
			t.Errorf("%+v", c)
		}
		_ = server.WriteMessage(websocket.TextMessage, []byte("torn"))
		err := readError(client)
		if fin && !strings.Contains(err.Error(), "unexpected EOF") || !fin && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("FIN %v: the client saw %v", fin, err)
		}
		if fin {
			passes(t, client, server, "the other half is open")
			_ = client.Close()
		}
		_ = readError(server)
		_ = server.Close()
		await(t, "the end", func() bool { c := s.Counts(); return c.Live+c.Closing == 0 })
		if c := s.Counts(); c.Ends.Faults["torn"] != 1 {
			t.Errorf("FIN %v: counted %+v", fin, c)
		}
	}
}

func TestAnArmedTearThatNothingMetIsNotToBlame(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		for range 2 {
			client, server := b.dial(t)
			_ = b.Inject(0, drops.Torn{}, 0)
			_ = server.NetConn().Close()
			_ = readError(client)
			_ = client.Close()
			synctest.Wait()
		}
		client, _ := b.dial(t)
		_ = b.Inject(0, drops.Torn{}, 0)
		_ = drops.Reset{}.Inject(client.NetConn().(*drops.Conn))
		synctest.Wait()
		if e := b.Counts().Ends; e.Faults["torn"] != 0 || e.Server.FIN != 2 || e.Client.RST != 1 {
			t.Errorf("counted %+v", e)
		}
	})
}

func TestACloseCodeIsTheFaultsDoing(t *testing.T) {
	s := newStand(t)
	client, server := s.dial(t)
	if err := s.Inject(0, drops.CloseCode{Code: 1012}, 0); err != nil {
		t.Fatal(err)
	}
	if err := readError(client); !websocket.IsCloseError(err, 1012) {
		t.Errorf("the client saw %v", err)
	}
	if err := readError(server); !websocket.IsCloseError(err, 1012) { // the client's reply
		t.Errorf("the server saw %v", err)
	}
	if c := s.Counts(); c.Closing != 1 || c.FromClient.CloseCodes[1012] != 1 {
		t.Errorf("counted %+v", c)
	}
	_ = client.Close()
	_ = server.Close()
	await(t, "the end", func() bool { return s.Counts().Ends.Faults["close"] == 1 })
}

func TestAPeerThatTakesNoBytesHoldsUpNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		_, server := b.dial(t)
		var writing sync.WaitGroup
		writing.Go(func() {
			for server.WriteMessage(websocket.BinaryMessage, make([]byte, 1<<10)) == nil {
			}
		})
		synctest.Wait()
		start := time.Now()
		n, err := b.InjectAll(drops.Injection{Fault: drops.CloseCode{Code: 1001}})
		if took := time.Since(start); n != 1 || err != nil || took != 0 {
			t.Errorf("struck %d, %v after %v", n, err, took)
		}
		if err := b.InjectInto(1, drops.Injection{Fault: drops.Reset{}}); err != nil {
			t.Error(err)
		}
		writing.Wait()
		synctest.Wait()
		if c := b.Counts(); c.Faults["close"] != 1 || c.Faults["reset"] != 1 || c.Ends.Faults["close"] != 1 || c.Live+c.Closing != 0 {
			t.Errorf("counted %+v", c)
		}
	})
}

func TestSilenceHidesTheEndOfEither(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		client, server := b.dial(t)
		if err := b.Inject(0, drops.Silence{}, time.Minute); err != nil {
			t.Fatal(err)
		}
		if c := b.Counts(); c.Silenced != 1 || c.Live != 1 || c.Faults["silence"] != 1 {
			t.Errorf("counted %+v", c)
		}
		_ = client.WriteMessage(websocket.TextMessage, []byte("withheld"))
		start := time.Now()
		_ = client.Close()
		time.Sleep(20 * time.Second)
		if c := b.Connections()[0]; c.Fault != (drops.Silence{}) || c.Remaining != 40*time.Second || c.Side != drops.BothSides || c.Closing {
			t.Errorf("%+v", c)
		}
		err := readError(server)
		if took := time.Since(start); took != time.Minute {
			t.Errorf("the server saw %v after %v, want a minute", err, took)
		}
		_ = server.Close()
		synctest.Wait()
		if c := b.Counts(); c.Silenced != 0 || c.Ends.Client.FIN != 1 || c.FromClient.Messages != 1 {
			t.Errorf("counted %+v", c)
		}
	})
}

func TestSilenceOrStallWithoutATimeEndsWithAReset(t *testing.T) {
	for name, f := range map[string]drops.Fault{"silence": drops.Silence{}, "stall": drops.Stall{}} {
		inBubble(t, func(t *testing.T, b *bubble) {
			client, server := b.dial(t)
			start := time.Now()
			_ = b.Inject(0, f, 0)
			_ = client.Close() // which hides that it is gone
			if err := readError(server); !errors.Is(err, syscall.ECONNRESET) || time.Since(start) != 15*time.Minute {
				t.Errorf("the server saw %v after %v", err, time.Since(start))
			}
			synctest.Wait()
			if c := b.Counts(); c.Ends.Faults[name] != 1 || c.Live+c.Closing+c.Silenced != 0 {
				t.Errorf("counted %+v", c)
			}
		})
	}
}

func TestAFaultEndsTheOneBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		client, server := b.dial(t)
		_ = b.Inject(0, drops.Silence{}, time.Minute)
		time.Sleep(30 * time.Second)
		_ = b.Inject(0, drops.Stall{}, time.Minute)
		if c := b.Connections()[0]; c.Fault != (drops.Stall{}) || c.Remaining != time.Minute || b.Counts().Silenced != 0 {
			t.Errorf("%+v", c)
		}
		passes(t, server, client, "not silenced")
		start := time.Now()
		passes(t, client, server, "stalled")
		if took := time.Since(start); took != time.Minute {
			t.Errorf("it took %v, want a minute", took)
		}
		_ = b.Inject(0, drops.Stall{}, time.Minute)
		if n := b.Heal(); n != 1 || b.Connections()[0].Fault != nil {
			t.Errorf("healed %d", n)
		}
		start = time.Now()
		passes(t, client, server, "healed")
		if took := time.Since(start); took != 0 || b.Heal() != 0 {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAFaultAtOneSideSparesTheOther(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		client, server := b.dial(t)
		err := b.InjectInto(1, drops.Injection{Fault: drops.FIN{}, Side: drops.ServerSide})
		if err != nil {
			t.Fatal(err)
		}
		if err := readError(server); !strings.Contains(err.Error(), "unexpected EOF") {
			t.Errorf("the server saw %v", err)
		}
		passes(t, server, client, "the client knows nothing")
	})
}

func TestASharePicksAmongTheWholeOnesByItsSeed(t *testing.T) {
	picks := func(seed uint64) (ids []uint64) {
		inBubble(t, func(t *testing.T, b *bubble) {
			b.Seed = seed
			for range 10 {
				b.dial(t)
			}
			for _, want := range []int{3, 3, 3, 1} { // of ten, 3 at a time
				n, err := b.InjectShare(0.3, drops.Injection{Fault: drops.Stall{}, For: time.Minute})
				if n != want || err != nil {
					t.Errorf("struck %d, %v; want %d", n, err, want)
				}
				if ids == nil {
					for _, c := range b.Connections() {
						if c.Fault != nil {
							ids = append(ids, c.ID)
						}
					}
				}
			}
			if c := b.Counts(); c.Faults["stall"] != 10 {
				t.Errorf("counted %+v", c)
			}
		})
		return ids
	}
	first, again, other := picks(1), picks(1), picks(2)
	if len(first) != 3 || !equal(first, again) || equal(first, other) {
		t.Errorf("seed 1 picked %v and %v, seed 2 %v", first, again, other)
	}
}

func equal(a, b []uint64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

func TestBadInjectionsAreInvalid(t *testing.T) {
	p := must(drops.NewProxy("ws://host"))
	defer p.Close()
	for name, in := range map[string]drops.Injection{
		"no fault":  {},
		"negative":  {Fault: drops.Stall{}, For: -1},
		"what side": {Fault: drops.Stall{}, Side: 9},
	} {
		_, all := p.InjectAll(in)
		_, share := p.InjectShare(1, in)
		for _, err := range []error{all, share, p.InjectInto(1, in)} {
			if !errors.Is(err, messages.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, share := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := p.InjectShare(share, drops.Injection{Fault: drops.Stall{}}); !errors.Is(err, messages.ErrInvalid) {
			t.Errorf("share %v: %v", share, err)
		}
	}
	for _, err := range []error{
		p.Inject(-1, drops.Stall{}, 0), p.Inject(0, drops.Stall{}, -1), p.Inject(0, nil, 0),
		p.Refuse(-1, drops.Refuse{}, 0), p.Refuse(0, drops.Refuse{}, -1), p.Hinder(drops.Stall{}, 0),
	} {
		if !errors.Is(err, messages.ErrInvalid) {
			t.Error(err)
		}
	}
}

func TestTheNthLiveConnectionIsStruckModuloTheirNumber(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		if err := b.Inject(0, drops.Stall{}, 0); !errors.Is(err, net.ErrClosed) {
			t.Errorf("with none: %v", err)
		}
		for range 3 {
			b.dial(t)
		}
		_ = b.Inject(1, drops.Reset{}, 0) // 1 and 3 are left
		for _, n := range []int{3, 4} {
			if err := b.Inject(n, drops.Stall{}, time.Minute); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		list := b.Connections()
		if len(list) != 2 || list[0].ID != 1 || list[1].ID != 3 || list[0].Fault == nil || list[1].Fault == nil {
			t.Errorf("%+v", list)
		}
	})
}

func TestARefusalResetsOneAndAnswersTheNextHandshake(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		client, server := b.dial(t)
		if err := b.Refuse(0, drops.Refuse{Status: 429}, 0); err != nil {
			t.Fatal(err)
		}
		for _, ws := range []*websocket.Conn{client, server} {
			if err := readError(ws); !errors.Is(err, syscall.ECONNRESET) {
				t.Error(err)
			}
		}
		if _, status, err := b.ask(); err == nil || status != 429 {
			t.Errorf("refused with %v", err)
		}
		b.dial(t)
		synctest.Wait()
		c := b.Counts()
		if c.Refused != 1 || c.Faults["refuse"] != 1 || c.Ends.Faults["refuse"] != 1 || c.Accepted != 2 {
			t.Errorf("counted %+v", c)
		}
	})
}

func TestADialFaultIsA502UntilItsTimeIsOver(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		if err := b.FailDial(0, drops.ConnRefused{}, time.Minute); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, status, err := b.ask(); err == nil || status != http.StatusBadGateway {
				t.Errorf("%v", err)
			}
			time.Sleep(30*time.Second - 1)
		}
		time.Sleep(2)
		b.dial(t)
		if c := b.Counts(); c.Failed != 2 || c.Faults["conn-refused"] != 2 {
			t.Errorf("counted %+v", c)
		}
	})
}

func TestHealingClearsWhatHandshakesAreToMeet(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		for range 1000 {
			if err := b.Hinder(drops.Refuse{}, 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Hinder(drops.Refuse{}, 0); !errors.Is(err, drops.ErrHindered) {
			t.Error(err)
		}
		b.Heal()
		b.dial(t)
	})
}

// 200 connections, of which 40 are silenced and 40 reset: all that either end
// sees is what the proxy counts.
func TestTheCountsAgreeWithWhatBothEndsSaw(t *testing.T) {
	const number, some, each = 200, 40, 5
	s := newStand(t)
	var seen [2]struct{ messages, resets, ends atomic.Int64 }
	var reading sync.WaitGroup
	var clients, servers []*websocket.Conn
	for range number {
		client, server := s.dial(t)
		clients, servers = append(clients, client), append(servers, server)
		for i, ws := range []*websocket.Conn{client, server} {
			_ = ws.SetReadDeadline(time.Time{})
			reading.Go(func() {
				for {
					kind, r, err := ws.NextReader()
					switch {
					case errors.Is(err, syscall.ECONNRESET):
						seen[i].resets.Add(1)
						return
					case err != nil:
						seen[i].ends.Add(1)
						return
					}
					_, _ = io.Copy(io.Discard, r)
					seen[i].messages.Add(1)
					if i == 1 {
						_ = ws.WriteMessage(kind, []byte("reply"))
					}
				}
			})
		}
	}
	say := func() {
		for _, ws := range clients {
			for range each {
				_ = ws.WriteMessage(websocket.TextMessage, []byte("hello"))
			}
		}
	}
	say()
	await(t, "all messages", func() bool { return seen[0].messages.Load() == number*each })
	for _, f := range []drops.Fault{drops.Silence{}, drops.Reset{}} {
		if n, err := s.InjectShare(0.2, drops.Injection{Fault: f}); n != some || err != nil {
			t.Fatalf("%v struck %d, %v", f, n, err)
		}
	}
	await(t, "all resets", func() bool { return seen[0].resets.Load() == some && seen[1].resets.Load() == some })
	say()
	whole := int64(number - 2*some)
	await(t, "the messages of the whole ones", func() bool { return seen[0].messages.Load() == (number+whole)*each })
	c := s.Counts()
	if c.Accepted != number || c.Live != number-some || c.Silenced != some || c.Closing != 0 ||
		c.Faults["silence"] != some || c.Faults["reset"] != some || c.Ends.Faults["reset"] != some {
		t.Errorf("counted %+v", c)
	}
	for i, got := range []uint64{c.FromServer.Messages, c.FromClient.Messages} {
		if want := seen[i].messages.Load(); want != (number+whole)*each || got != uint64(want) {
			t.Errorf("end %d saw %d messages, and %d were counted", i, want, got)
		}
	}
	if seen[0].ends.Load()+seen[1].ends.Load() != 0 {
		t.Errorf("%d clients and %d servers saw an end that is no reset", seen[0].ends.Load(), seen[1].ends.Load())
	}
	for _, ws := range append(clients, servers...) {
		_ = ws.Close()
	}
	reading.Wait()
	await(t, "the end of the whole ones", func() bool { c := s.Counts(); return c.Live == some && c.Closing == 0 })
	c = s.Counts()
	if ended := c.Ends.Client.FIN + c.Ends.Client.RST + c.Ends.Server.FIN + c.Ends.Server.RST; ended != uint64(whole) {
		t.Errorf("counted %+v", c.Ends)
	}
}

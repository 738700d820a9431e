package gateway_test

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
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
	"github.com/tetherws/tether/supervision/drops"
)

func feedOutcome(number uint64) messages.Event {
	return messages.EventOutcome{Number: number, Outcome: messages.OutcomeWritten}
}

// feedNumbers returns the numbers of the outcomes that s holds.
func feedNumbers(s *gateway.Subscription) (all []uint64) {
	for {
		select {
		case e, more := <-s.Events():
			if !more {
				return all
			}
			all = append(all, e.(messages.EventOutcome).Number)
		default:
			return all
		}
	}
}

func TestEachListenerGetsTheEventsThatItKeepsInOrder(t *testing.T) {
	var f gateway.Feed
	f.Publish(feedOutcome(1)) // nobody listens yet
	all := f.Subscribe(10, nil)
	odd := f.Subscribe(10, func(e messages.Event) bool { return e.(messages.EventOutcome).Number%2 == 1 })
	for n := range uint64(6) {
		f.Publish(feedOutcome(2 + n))
	}
	if got := feedNumbers(all); !slices.Equal(got, []uint64{2, 3, 4, 5, 6, 7}) {
		t.Errorf("got %v", got)
	}
	if got := feedNumbers(odd); !slices.Equal(got, []uint64{3, 5, 7}) || odd.Lost() != 0 {
		t.Errorf("got %v of the odd ones and lost %d", got, odd.Lost())
	}
}

func TestAFullBufferLosesTheNewestAndCountsThem(t *testing.T) {
	var f gateway.Feed
	slow, fast := f.Subscribe(2, nil), f.Subscribe(10, nil)
	for n := range uint64(5) {
		f.Publish(feedOutcome(n)) // a block here would never end
	}
	if got := feedNumbers(slow); !slices.Equal(got, []uint64{0, 1}) || slow.Lost() != 3 {
		t.Errorf("the slow one got %v and lost %d", got, slow.Lost())
	}
	if got := feedNumbers(fast); len(got) != 5 || fast.Lost() != 0 {
		t.Errorf("the fast one got %v and lost %d", got, fast.Lost())
	}
	f.Publish(feedOutcome(5))
	if got := feedNumbers(slow); !slices.Equal(got, []uint64{5}) {
		t.Errorf("with room again the slow one got %v", got)
	}
	slow.Close()
	if f.Lost() != 3 || slow.Lost() != 3 {
		t.Errorf("%d lost in all", f.Lost())
	}
}

func TestABufferBelowOneIsOne(t *testing.T) {
	var f gateway.Feed
	for _, buffer := range []int{0, -5} {
		s := f.Subscribe(buffer, nil)
		f.Publish(feedOutcome(1))
		f.Publish(feedOutcome(2))
		if got := feedNumbers(s); !slices.Equal(got, []uint64{1}) {
			t.Errorf("a buffer of %d held %v", buffer, got)
		}
	}
}

func TestAClosedSubscriptionKeepsWhatItHoldsAndGetsNoMore(t *testing.T) {
	var f gateway.Feed
	s, other := f.Subscribe(1, nil), f.Subscribe(10, nil)
	f.Publish(feedOutcome(1))
	s.Close()
	s.Close()
	f.Publish(feedOutcome(2))
	if got := feedNumbers(s); !slices.Equal(got, []uint64{1}) || s.Lost() != 0 {
		t.Errorf("got %v, lost %d", got, s.Lost())
	}
	if _, more := <-s.Events(); more {
		t.Error("the channel is open still")
	}
	if got := feedNumbers(other); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("the other one got %v", got)
	}
}

func TestASubscriptionMayEndWhileAnEventIsOnItsWay(t *testing.T) {
	var (
		f gateway.Feed
		s *gateway.Subscription
	)
	s = f.Subscribe(1, func(messages.Event) bool { s.Close(); return true })
	f.Publish(feedOutcome(1))
	if got := feedNumbers(s); len(got) != 0 || s.Lost() != 0 {
		t.Errorf("got %v, lost %d", got, s.Lost())
	}
}

func TestListenersComeAndGoWhileEventsArePublished(t *testing.T) {
	var (
		f                     gateway.Feed
		publishers, listeners sync.WaitGroup
		done                  = make(chan struct{})
	)
	stays := f.Subscribe(4*2000, nil)
	for p := range uint64(4) {
		id := messages.ID{byte(p)}
		publishers.Go(func() {
			for n := range uint64(2000) {
				f.Publish(messages.EventOutcome{ID: id, Number: n})
			}
		})
	}
	for range 4 {
		listeners.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				s := f.Subscribe(3, nil)
				var closers sync.WaitGroup
				for range 2 {
					closers.Go(s.Close)
				}
				for range s.Events() {
				}
				closers.Wait()
			}
		})
	}
	publishers.Wait()
	close(done)
	listeners.Wait()
	stays.Close()
	next := make(map[messages.ID]uint64)
	for e := range stays.Events() {
		o := e.(messages.EventOutcome)
		if o.Number != next[o.ID] {
			t.Fatalf("%d came where %d was due", o.Number, next[o.ID])
		}
		next[o.ID]++
	}
	for id, n := range next {
		if n != 2000 {
			t.Errorf("%v: %d events, want 2000", id, n)
		}
	}
	if len(next) != 4 || stays.Lost() != 0 {
		t.Errorf("%d connections, %d lost", len(next), stays.Lost())
	}
}

func TestPublishingToNobodyAllocatesNothing(t *testing.T) {
	var f gateway.Feed
	outcome := feedOutcome(1)
	var moved messages.Event = messages.EventTransition{Transition: messages.Transition{From: messages.Connecting, To: messages.Open}}
	if n := testing.AllocsPerRun(100, func() { f.Publish(outcome); f.Publish(moved) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestOutagesAreMeasuredFromADropToTheNextOpening(t *testing.T) {
	const (
		connecting = messages.Connecting
		open       = messages.Open
		backoff    = messages.Backoff
		parked     = messages.Parked
		detached   = messages.Detached
		closing    = messages.Closing
		closed     = messages.Closed
	)
	for name, c := range map[string]struct {
		path []messages.State // a second apart
		want time.Duration    // 0: none
	}{
		"the first opening":            {[]messages.State{connecting, open}, 0},
		"an opening at last":           {[]messages.State{connecting, backoff, connecting, parked, connecting, open}, 0},
		"a drop":                       {[]messages.State{connecting, open, backoff, connecting, open}, 2 * time.Second},
		"a drop and failed attempts":   {[]messages.State{connecting, open, backoff, connecting, backoff, connecting, parked, connecting, open}, 6 * time.Second},
		"a drop that parks":            {[]messages.State{connecting, open, parked, connecting, open}, 2 * time.Second},
		"a client that comes back":     {[]messages.State{connecting, open, detached, open}, time.Second},
		"a client that does not":       {[]messages.State{connecting, open, detached, closed, connecting, open}, 0},
		"a connection given up":        {[]messages.State{connecting, open, backoff, closed, connecting, open}, 0},
		"a deliberate close":           {[]messages.State{connecting, open, closing, closed}, 0},
		"an ID that is used once more": {[]messages.State{connecting, open, closed, connecting, open}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var f gateway.Feed
			at, from := time.Now(), messages.State(0)
			for _, to := range c.path {
				at = at.Add(time.Second)
				f.Publish(messages.EventTransition{
					ID: messages.ID{1}, Transition: messages.Transition{At: at, From: from, To: to, Cause: errors.New("gone")},
				})
				from = to
			}
			var count uint64
			if c.want > 0 {
				count = 1
			}
			if got := f.Outages(); got.Count() != count || got.Sum != c.want {
				t.Errorf("%d outages of %v", got.Count(), got.Sum)
			}
		})
	}
}

func TestOutagesOfDifferentConnectionsAreApart(t *testing.T) {
	var f gateway.Feed
	start := time.Now()
	for i := range byte(100) {
		f.Publish(messages.EventTransition{ID: messages.ID{i}, Transition: messages.Transition{At: start, From: messages.Open, To: messages.Backoff}})
	}
	for i := range byte(100) {
		at := start.Add(time.Duration(i+1) * time.Second)
		f.Publish(messages.EventTransition{ID: messages.ID{i}, Transition: messages.Transition{At: at, From: messages.Connecting, To: messages.Open}})
	}
	got := f.Outages()
	if median := got.Percentile(50); got.Count() != 100 || got.Sum != 5050*time.Second || median < 34*time.Second || median > 75*time.Second {
		t.Errorf("%d outages, %v in sum, half of them up to %v", got.Count(), got.Sum, median)
	}
}

func TestAFeedThatHeardNothingHasTheBoundsOfOutages(t *testing.T) {
	var f gateway.Feed
	o := f.Outages()
	if o.Count() != 0 || o.Percentile(99) != 0 || o.Bounds[0] != time.Millisecond || o.Bounds[len(o.Bounds)-1] != time.Hour {
		t.Errorf("%+v", o)
	}
}

func TestAManagersDropsAreOutagesOfItsFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f gateway.Feed
		network := drops.NewNetwork()
		m, id := feedFleet(t, network, &f)
		defer m.Shutdown(context.WithoutCancel(t.Context()))
		heard := f.Subscribe(10, func(e messages.Event) bool { _, is := e.(messages.EventTransition); return is })
		for range 2 {
			if err := (drops.Reset{}).Inject(network.Conns()[0]); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if err := m.Wait(t.Context(), id, messages.Open); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if got := f.Outages(); got.Count() != 2 || got.Sum != 7*time.Second+14*time.Second {
			t.Errorf("%d outages of %v in sum", got.Count(), got.Sum)
		}
		heard.Close()
		var path []messages.State
		for e := range heard.Events() {
			path = append(path, e.(messages.EventTransition).To)
		}
		if want := []messages.State{messages.Backoff, messages.Connecting, messages.Open}; !slices.Equal(path, append(want, want...)) {
			t.Errorf("heard of %v", path)
		}
	})
}

// feedFleet is a manager that publishes to f, and its one connection, which
// comes back after 7 s and then 14 s.
func feedFleet(t *testing.T, network *drops.Network, f *gateway.Feed) (*actors.Manager, messages.ID) {
	l, err := network.Listen("server:80")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		_, _, _ = ws.ReadMessage()
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	m, err := actors.New(actors.Config{
		OnEvent: f.Publish,
		Restart: supervision.Policy{Backoff: supervision.Backoff{Min: 7 * time.Second, Max: time.Minute, NoJitter: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	id, err := m.Dial(t.Context(), actors.Target{URL: "ws://server:80/", Dialer: &websocket.Dialer{NetDialContext: network.DialContext}})
	if err == nil {
		err = m.Wait(t.Context(), id, messages.Open)
	}
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return m, id
}

func BenchmarkPublish(b *testing.B) {
	for name, listeners := range map[string]int{"nobody": 0, "one": 1} {
		b.Run(name, func(b *testing.B) {
			var f gateway.Feed
			for range listeners {
				f.Subscribe(1, func(messages.Event) bool { return false })
			}
			e := feedOutcome(1)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					f.Publish(e)
				}
			})
		})
	}
}

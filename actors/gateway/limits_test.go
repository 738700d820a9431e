package gateway_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/supervision/drops"
)

func admissionRetryAfter(t *testing.T, resp answer, least, most int) {
	t.Helper()
	if s, err := strconv.Atoi(resp.header.Get("Retry-After")); err != nil || s < least || s > most {
		t.Errorf("Retry-After is %q, want %d to %d", resp.header.Get("Retry-After"), least, most)
	}
	if !resp.closes {
		t.Error("the refused socket is kept open")
	}
}

func TestTheCapHoldsAndAPlaceIsFreeAgainAtTheSocketsEnd(t *testing.T) {
	admissionBubble(t, gateway.Config{MaxConnections: 2}, func(t *testing.T, w *admissionWorld) {
		first, second := w.connect(), w.connect()
		defer second.Close()
		admissionRetryAfter(t, w.refused(http.StatusServiceUnavailable, "full"), 5, 10)
		_ = drops.Reset{}.Inject(first.NetConn().(*drops.Conn))
		synctest.Wait()
		defer w.connect().Close()
		w.refused(http.StatusServiceUnavailable, "full")
		synctest.Wait()
		if c := w.g.Counts(); c.Accepted != 3 || c.Refused["full"] != 2 {
			t.Errorf("counts %+v", c)
		}
	})
}

func TestOneAddressHoldsAsManySocketsAsItMay(t *testing.T) {
	admissionBubble(t, gateway.Config{MaxPerIP: 2}, func(t *testing.T, w *admissionWorld) {
		const header = "X-Forwarded-For"
		for _, group := range [][]string{
			{"203.0.113.1", "203.0.113.1:99", "::ffff:203.0.113.1"},
			{"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "[2001:db8:0:1::3]:443"},
			{"2001:db8:0:2::1", "2001:db8:0:2::1", "2001:db8:0:2::1"},
		} {
			first := w.connect(header, group[0])
			defer w.connect(header, group[1]).Close()
			admissionRetryAfter(t, w.refused(http.StatusTooManyRequests, "address_full", header, group[2]), 5, 10)
			first.Close()
			synctest.Wait()
			defer w.connect(header, group[2]).Close()
		}
	})
}

func TestAPlaceIsTakenWhileAuthorizeIsAsked(t *testing.T) {
	asked, answer := make(chan bool), make(chan bool)
	f := &admissionFleet{}
	g := admissionGateway(t, f, gateway.Config{MaxConnections: 1, Authorize: func(*http.Request) (gateway.Grant, error) {
		asked <- true
		<-answer
		return gateway.Grant{}, errors.New("no")
	}})
	var wg sync.WaitGroup
	wg.Go(func() { admissionAnswer(g, admissionRequest("192.0.2.1:1000")) })
	<-asked
	if rec := admissionAnswer(g, admissionRequest("192.0.2.2:1000")); rec.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d", rec.Code)
	}
	answer <- true
	wg.Wait()
	wg.Go(func() { <-asked; answer <- true })
	if rec := admissionAnswer(g, admissionRequest("192.0.2.2:1000")); rec.Code != http.StatusUnauthorized {
		t.Errorf("later: status %d", rec.Code)
	}
	wg.Wait()
}

func TestAnAddressKnocksAtItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := admissionGateway(t, &admissionFleet{}, gateway.Config{RatePerIP: 0.5})
		knock := func(peer string) int { return admissionAnswer(g, admissionRequest(peer)).Code }
		const a, b = "192.0.2.1:1000", "192.0.2.2:1000"
		burst := func(peer string) (n int) {
			for knock(peer) == http.StatusSwitchingProtocols {
				n++
			}
			return n
		}
		if n := burst(a); n != 2 {
			t.Errorf("%d at once, want 2", n)
		}
		rec := admissionAnswer(g, admissionRequest(a))
		if rec.Code != http.StatusTooManyRequests || rec.Header().Get("Retry-After") != "2" {
			t.Errorf("%d, Retry-After %q", rec.Code, rec.Header().Get("Retry-After"))
		}
		time.Sleep(2*time.Second - time.Nanosecond)
		if knock(a) != http.StatusTooManyRequests {
			t.Error("may knock too early")
		}
		time.Sleep(time.Nanosecond)
		if n := burst(a); n != 1 {
			t.Errorf("%d after Retry-After, want 1", n)
		}
		if n := burst(b); n != 2 {
			t.Errorf("%d for another address, want 2", n)
		}
		time.Sleep(time.Hour)
		if n := burst(a); n != 2 {
			t.Errorf("%d after an hour, want 2", n)
		}
		if n := g.Counts().Refused["address_rate"]; n != 6 {
			t.Errorf("%d counted as address_rate, want 6", n)
		}
	})
}

func TestAnAddressIsRememberedUntilItsBudgetIsFullAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := admissionGateway(t, &admissionFleet{}, gateway.Config{RatePerIP: 1})
		knock := func(peer string) int { return admissionAnswer(g, admissionRequest(peer)).Code }
		const a, other = "192.0.2.1:1000", "192.0.2.2:1000"
		knock(other)
		time.Sleep(3900 * time.Millisecond)
		for range 4 {
			knock(a)
		}
		for i := range 4 { // the tables turn meanwhile
			time.Sleep(100 * time.Millisecond)
			knock(other)
			if knock(a) != http.StatusTooManyRequests {
				t.Errorf("forgotten after %d ms", 100*(i+1))
			}
		}
	})
}

// admissionHeap is what the heap holds in use.
func admissionHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestAFloodOfAddressesIsRememberedWithinBoundsAndNotForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := admissionGateway(t, &admissionFleet{}, gateway.Config{RequireOrigin: true}) // which refuses behind the rate
		rec, r := &admissionDiscard{}, admissionRequest("")
		from := netip.MustParseAddr("10.0.0.0")
		flood := func(n int) {
			for range n {
				from = from.Next()
				r.RemoteAddr = netip.AddrPortFrom(from, 1000).String()
				rec.header = http.Header{}
				g.ServeHTTP(rec, r)
			}
		}
		before := admissionHeap()
		flood(150_000)
		if held := int64(admissionHeap()) - int64(before); held > 16<<20 {
			t.Errorf("%d KiB are held for 150,000 addresses at once", held>>10)
		} else if held < 1<<20 {
			t.Errorf("only %d KiB are held: nothing is measured", held>>10)
		}
		for range 2 {
			time.Sleep(4 * time.Second)
			flood(1)
		}
		if held := int64(admissionHeap()) - int64(before); held > 1<<20 {
			t.Errorf("%d KiB are held when all budgets are full again", held>>10)
		}
		if n := g.Counts().Refused["origin"]; n != 150_002 {
			t.Errorf("%d were let through to the origin check", n)
		}
	})
}

// admissionDiscard is a ResponseWriter that keeps nothing.
type admissionDiscard struct{ header http.Header }

func (d *admissionDiscard) Header() http.Header         { return d.header }
func (d *admissionDiscard) Write(b []byte) (int, error) { return len(b), nil }
func (d *admissionDiscard) WriteHeader(int)             {}

func TestNoPlaceIsLostWhileManyComeAndGo(t *testing.T) {
	const places = 20
	admissionBubble(t, gateway.Config{MaxConnections: places, MaxPerIP: places, RatePerIP: 1e6}, func(t *testing.T, w *admissionWorld) {
		from := []string{"X-Forwarded-For", "203.0.113.1"}
		var clients sync.WaitGroup
		for range 50 {
			clients.Go(func() {
				for range 10 {
					ws, _ := w.knock(from...)
					if ws == nil {
						time.Sleep(time.Duration(rand.N(50)) * time.Millisecond)
						continue
					}
					time.Sleep(time.Duration(rand.N(3)) * time.Millisecond)
					if rand.N(2) == 0 {
						_ = drops.Reset{}.Inject(ws.NetConn().(*drops.Conn))
					}
					ws.Close()
				}
			})
		}
		clients.Wait()
		synctest.Wait()
		for range places {
			defer w.connect(from...).Close()
		}
		w.refused(http.StatusServiceUnavailable, "full", from...)
	})
}

func TestAPlaceIsFreedOnceHoweverOftenItsEndIsTold(t *testing.T) {
	f := &admissionFleet{}
	g := admissionGateway(t, f, gateway.Config{MaxPerIP: 2})
	knock := func() int { return admissionAnswer(g, admissionRequest("192.0.2.1:1000")).Code }
	knock()
	first := f.last()
	knock()
	first.Gone()
	first.Gone()
	if knock() != http.StatusSwitchingProtocols || knock() != http.StatusTooManyRequests {
		t.Error("one end made two places")
	}
}

func TestASocketMayEndBeforeAcceptReturns(t *testing.T) {
	f := &admissionFleet{accept: func(c actors.Client) error { c.Gone(); return nil }}
	g := admissionGateway(t, f, gateway.Config{MaxConnections: 1})
	for range 3 {
		if rec := admissionAnswer(g, admissionRequest("192.0.2.1:1000")); rec.Code != http.StatusSwitchingProtocols {
			t.Fatalf("status %d", rec.Code)
		}
	}
}

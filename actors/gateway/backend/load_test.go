package backend_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors/gateway/backend"
	"github.com/tetherws/tether/supervision"
)

func TestEachConnectionKeepsItsOrderWhateverTheServiceDoes(t *testing.T) {
	const connections, count = 50, 100
	var seen sync.Map // event IDs that were taken
	serve := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(rand.N(20 * time.Millisecond))
		if r.Header.Get("Tether-Event") != "message" {
			return
		}
		dice := rand.IntN(20)
		if dice == 0 { // not taken
			w.WriteHeader(503)
			return
		}
		_, again := seen.LoadOrStore(r.Header.Get("Tether-Event-ID"), true)
		body, _ := io.ReadAll(r.Body)
		if !again {
			w.Header().Set("X-First", "true")
		}
		if dice == 1 { // taken, and the answer is lost
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(body)
	}
	withHTTP(t, backend.Config{Concurrency: 16, Retries: 20}, serve, func(t *testing.T, w *world, h *backend.HTTP) {
		var clients sync.WaitGroup
		for n := range connections {
			c := w.connect()
			clients.Go(func() {
				for i := range count {
					c.say(fmt.Sprintf("%d-%d", n, i))
				}
			})
			clients.Go(func() {
				for i := range count {
					_, data, err := c.ReadMessage()
					if want := fmt.Sprintf("%d-%d", n, i); err != nil || string(data) != want {
						t.Errorf("%q, %v was answered, want %q", data, err, want)
						return
					}
				}
			})
		}
		clients.Wait()
		taken := 0
		seen.Range(func(any, any) bool { taken++; return true })
		if taken != connections*count {
			t.Errorf("%d different events were taken", taken)
		}
		next := map[string]int{}
		for _, e := range w.service.got("message") {
			var n, i int
			_, _ = fmt.Sscanf(e.body, "%d-%d", &n, &i)
			if i != next[e.conn] && i != next[e.conn]-1 {
				t.Fatalf("%s came when %d was next", e.body, next[e.conn])
			}
			next[e.conn] = i + 1
		}
		if got := h.Counts(); got.Messages != connections*count || got.Retries == 0 || got.Failed != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestRequestsUnderWayAreBounded(t *testing.T) {
	const bound, connections = 4, 20
	var now, most atomic.Int64
	serve := toMessages(func(http.ResponseWriter, *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(time.Second)
	})
	withHTTP(t, backend.Config{Concurrency: bound}, serve, func(t *testing.T, w *world, h *backend.HTTP) {
		for range connections {
			w.connect().say("x")
		}
		synctest.Wait()
		if got := h.Counts(); got.Requests != bound {
			t.Errorf("%+v", got)
		}
		time.Sleep(connections / bound * time.Second)
		synctest.Wait()
		if got := h.Counts(); got.Requests != 0 || got.Delivered != 2*connections || most.Load() != bound {
			t.Errorf("%+v, at most %d at once", got, most.Load())
		}
	})
}

func TestWhoGetsNoTurnInTimeIsAskedToComeBackLater(t *testing.T) {
	config := backend.Config{Concurrency: 1, Timeout: time.Minute}
	withHTTP(t, config, toMessages(stalls), func(t *testing.T, w *world, _ *backend.HTTP) {
		w.connect().say("first")
		synctest.Wait()
		c := w.connect()
		c.closedWith(1013, "try again later")
		if got := w.elapsed(); got != 45*time.Second {
			t.Errorf("it took %v", got)
		}
	})
}

// A wait for the next attempt takes no other connection's turn.
func TestOthersHaveTheirTurnBetweenRetries(t *testing.T) {
	bad := true
	serve := toMessages(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); bad && string(body) == "bad" {
			bad = false
			w.WriteHeader(503)
			return
		}
		_, _ = w.Write([]byte("taken"))
	})
	config := backend.Config{Concurrency: 1, Backoff: supervision.Backoff{Min: 10 * time.Second, NoJitter: true}}
	withHTTP(t, config, serve, func(t *testing.T, w *world, _ *backend.HTTP) {
		a, b := w.connect(), w.connect()
		a.say("bad")
		synctest.Wait()
		b.say("good")
		b.hears("taken")
		if got := w.elapsed(); got != 0 {
			t.Errorf("the other one waited for %v", got)
		}
		a.hears("taken")
		if got := w.elapsed(); got != 10*time.Second {
			t.Errorf("the retry came after %v", got)
		}
	})
}

func TestAStalledServiceHoldsUpOnlyTheSocketsConcerned(t *testing.T) {
	const size = 32 << 10
	serve := toMessages(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == size {
			stalls(w, r)
			return
		}
		_, _ = w.Write([]byte("answer"))
	})
	withHTTP(t, backend.Config{Concurrency: 2}, serve, func(t *testing.T, w *world, _ *backend.HTTP) {
		flood, other := w.connect(), w.connect()
		defer flood.Close() // or its flood would be read for ever once the gateway closes: no time passes in it
		var written atomic.Int64
		go func() {
			for flood.WriteMessage(websocket.BinaryMessage, make([]byte, size)) == nil {
				written.Add(size)
			}
		}()
		time.Sleep(9 * time.Second) // less than a heartbeat
		synctest.Wait()
		// The inbound queue, what is in the handler's and the reader's hands, and the network's buffer.
		if most := int64(1<<20 + 3*size + 64<<10); written.Load() < 1<<20 || written.Load() > most {
			t.Errorf("%d bytes were taken, at most %d may be", written.Load(), most)
		}
		before := w.elapsed()
		for range 10 {
			other.say("x")
			other.hears("answer")
		}
		if got := w.elapsed(); got != before {
			t.Errorf("the other one waited for %v", got-before)
		}
	})
}

//go:build unix

package benchmarks_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
)

const (
	routeConnections = 1000
	routePayload     = 128
	routeFrame       = 8 + routePayload // with the header of a client's frame of that length
	routeWarmup      = 50_000
	routeMessages    = 2_000_000 // per side in a round of the ratio; the queues alone take a quarter of a million
	routeRounds      = 3
)

func TestRouteEndsWhenTheServerHasEverything(t *testing.T) {
	for _, s := range sides {
		t.Run(s.name, func(t *testing.T) {
			if got := route(t, s, 10, times(1000)).messages; got != 1000 {
				t.Errorf("routed %d messages, want 1000", got)
			}
		})
	}
}

// BenchmarkRoute measures the sender's CPU time per message routed to a random
// connection ID.
func BenchmarkRoute(b *testing.B) {
	for _, s := range sides {
		b.Run(fmt.Sprintf("%s/%d", s.name, routeConnections), func(b *testing.B) {
			spent := route(b, s, routeConnections, b.Loop)
			b.ReportMetric(0, "ns/op") // it would leave out what still queues
			b.ReportMetric(spent.cpuPerMessage(), "cpu-ns/msg")
			b.ReportMetric(float64(spent.messages)/spent.elapsed.Seconds(), "msg/s")
		})
	}
	b.Run(fmt.Sprintf("ratio/%d", routeConnections), benchmarkRouteRatio)
}

func benchmarkRouteRatio(b *testing.B) {
	cpu := make(map[string][]float64)
	var ratios []float64
	for b.Loop() {
		for range routeRounds {
			for _, s := range sides {
				cpu[s.name] = append(cpu[s.name], route(b, s, routeConnections, times(routeMessages)).cpuPerMessage())
			}
			ratios = append(ratios, last(cpu["tether"])/last(cpu["hub"]))
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, values := range cpu {
		b.ReportMetric(median(values), name+"-cpu-ns/msg")
	}
	b.ReportMetric(median(ratios), "tether/hub")
}

// spent is the cost of messages routed and written.
type spent struct {
	messages     uint64
	cpu, elapsed time.Duration
}

func (s spent) cpuPerMessage() float64 { return float64(s.cpu) / float64(s.messages) }

// route opens a fleet of n connections and sends messages to it for as long as
// more says so. It fails unless the server received them all.
func route(tb testing.TB, s side, n int, more func() bool) spent {
	tb.Helper()
	server := startSink(tb)
	f, err := s.open(server.discard(), n, false)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() {
		if err := f.close(); err != nil {
			tb.Error(err)
		}
	}()
	t := traffic{fleet: f, sent: make([]uint64, n), targets: rand.New(rand.NewPCG(1, 2))}
	if _, err := t.run(times(routeWarmup)); err != nil {
		tb.Fatal(err)
	}
	cost, err := t.run(more)
	if err != nil {
		tb.Fatal(err)
	}
	want := (routeWarmup + cost.messages) * routeFrame
	if err := until(func() bool { got, err := server.received(); return err == nil && got >= want }); err != nil {
		got, _ := server.received()
		tb.Fatalf("the server received %d bytes of %d: %v", got, want, err)
	}
	return cost
}

// traffic sends from one goroutine, the open end of a gateway.
type traffic struct {
	fleet   fleet
	sent    []uint64 // messages, by connection
	targets *rand.Rand
}

// run sends until more ends and then waits until all was written.
func (t *traffic) run(more func() bool) (cost spent, err error) {
	payload := make([]byte, routePayload)
	runtime.GC() // so that each run pays for its own garbage
	began := time.Now()
	before, err := cpuTime()
	if err != nil {
		return cost, err
	}
	for more() {
		if err := t.send(t.targets.IntN(len(t.sent)), payload); err != nil {
			return cost, err
		}
		cost.messages++
	}
	for i, sent := range t.sent {
		if err := until(func() bool { return t.fleet.written(i) == sent }); err != nil {
			return cost, err
		}
	}
	after, err := cpuTime()
	cost.cpu, cost.elapsed = after-before, time.Since(began)
	return cost, err
}

// send gives way for as long as the connection's queue is full.
func (t *traffic) send(i int, payload []byte) error {
	for {
		err := t.fleet.send(i, payload)
		if err == nil {
			t.sent[i]++
			return nil
		}
		if !errors.Is(err, messages.ErrQueueFull) {
			return err
		}
		runtime.Gosched()
	}
}

// times returns a condition that holds n times.
func times(n int) func() bool {
	return func() bool { n--; return n >= 0 }
}

func last(values []float64) float64 { return values[len(values)-1] }

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

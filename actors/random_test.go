package actors_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// seeded is a Random with a source of its own for each connection.
func seeded(seed uint64) func(messages.ID) float64 {
	var mu sync.Mutex
	sources := map[messages.ID]*rand.Rand{}
	return func(id messages.ID) float64 {
		mu.Lock()
		defer mu.Unlock()
		if sources[id] == nil {
			sources[id] = rand.New(rand.NewPCG(seed, binary.BigEndian.Uint64(id[8:])))
		}
		return sources[id].Float64()
	}
}

// numberedID is the ID of a run's connection i.
func numberedID(i int) messages.ID { return messages.ID{15: byte(i + 1)} }

// run has ten connections opened, beating, reset, refused for
// ten minutes and struck by a drill, and returns what each did and when.
func run(t *testing.T, random func(messages.ID) float64) (did map[messages.ID][]string) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, actors.Config{Random: random, Drills: true})
		defer w.close()
		var mu sync.Mutex
		did = map[messages.ID][]string{}
		w.serves(func(p *peer) {
			id, pong := numberedID(int(p.req.URL.Path[1]-'a')), p.PingHandler()
			p.SetPingHandler(func(data string) error {
				mu.Lock()
				did[id] = append(did[id], fmt.Sprint("beat at ", time.Now()))
				mu.Unlock()
				return pong(data)
			})
			sink(p)
		})
		for i := range 10 {
			target := w.target()
			target.ID = numberedID(i)
			target.URL += string(rune('a' + i))
			w.dial(target)
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Minute)
		w.gate.Refuse(-1, drops.Refuse{})
		for i := range 10 {
			w.drill(actors.Drill{Fault: drops.Reset{}, For: time.Second, ID: numberedID(i)}, numberedID(i))
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Minute)
		w.gate.Open()
		time.Sleep(5 * time.Minute)
		struck, err := w.m.Drill(actors.Drill{Fault: drops.Reset{}, For: time.Hour, Share: 0.5})
		if len(struck) != 5 || err != nil {
			t.Errorf("struck %v, %v", struck, err)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		for _, e := range w.events.transitions {
			did[e.ID] = append(did[e.ID], fmt.Sprint(e.Transition, e.Delay))
		}
	})
	return did
}

func TestRunsWithOneSeedAreAlikeToTheNanosecond(t *testing.T) {
	first := run(t, seeded(1))
	if n := len(first[numberedID(0)]); n < 50 {
		t.Errorf("a connection did %d things", n)
	}
	for range 2 {
		again := run(t, seeded(1))
		for id, did := range first {
			if !slices.Equal(did, again[id]) {
				t.Errorf("%v did\n%q\nand then\n%q", id, did, again[id])
			}
		}
	}
	if maps.EqualFunc(first, run(t, seeded(2)), slices.Equal[[]string]) {
		t.Error("another seed changes nothing")
	}
}

func TestRandomOutsideItsRangeDoesNoHarm(t *testing.T) {
	for name, c := range map[string]struct {
		draw          func() float64
		jitter, least float64 // parts of the whole
	}{
		"negative":     {func() float64 { return -1 }, 0, 0},
		"not a number": {math.NaN, 0, 0},
		"one":          {func() float64 { return 1 }, 1, 1},
		"infinite":     {func() float64 { return math.Inf(1) }, 1, 1},
		"a panic":      {func() float64 { panic("out of numbers") }, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			config := actors.Config{Random: func(messages.ID) float64 { return c.draw() }}
			bubble(t, config, func(t *testing.T, w *world) {
				between := func(what string, got, whole time.Duration) {
					most, least := time.Duration(c.jitter*float64(whole)), time.Duration(c.least*float64(whole))-1
					if got > most || got < least || got < 0 {
						t.Errorf("%s of %v, not from %v to %v", what, got, least, most)
					}
				}
				beats := make(chan time.Time, 10)
				w.serves(func(p *peer) {
					p.SetPingHandler(func(string) error {
						beats <- time.Now()
						return nil
					})
					sink(p)
				})
				start := time.Now()
				id := w.dial(w.target())
				between("a first beat", (<-beats).Sub(start), 25*time.Second)
				w.reset(id)
				between("a delay", w.delays(id)[0], 500*time.Millisecond)
			})
		})
	}
}

package drops_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// seen is an observation at its time from the start.
type seen struct {
	at time.Duration
	o  drops.Observation
}

// story is what an invariant is shown, and what it is to say, exactly: nothing,
// or that one thing is broken.
type story struct {
	name   string
	seen   []seen
	breaks string
}

// conn is the connection that stories are about unless they say otherwise.
const conn = 7

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// judges tells each story to an invariant of its own.
func judges(t *testing.T, invariant func() drops.Invariant, stories []story) {
	t.Helper()
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			i, broken := invariant(), ""
			for _, seen := range s.seen {
				if err := i.Observe(seen.at, seen.o); err != nil {
					broken += err.Error()
				}
			}
			if broken != s.breaks {
				t.Errorf("%v says\n%q, want\n%q", i, broken, s.breaks)
			}
		})
	}
}

// told is the event of a transition.
func told(at time.Duration, e messages.EventTransition) seen {
	e.At = epoch.Add(at)
	return seen{at, drops.Told{Conn: conn, Event: e}}
}

// goes is a plain transition.
func goes(at time.Duration, from, to messages.State) seen {
	return falls(at, from, to, nil)
}

// falls is a transition with a cause.
func falls(at time.Duration, from, to messages.State, cause error) seen {
	return told(at, messages.EventTransition{Transition: messages.Transition{From: from, To: to, Cause: cause}})
}

func ends(at time.Duration, number uint64, o messages.Outcome) seen {
	return seen{at, drops.Told{Conn: conn, Event: messages.EventOutcome{Number: number, Outcome: o}}}
}

func sent(at time.Duration, number uint64, m messages.Message) seen {
	return seen{at, drops.Sent{Conn: conn, Number: number, Message: m}}
}

func admitted(at time.Duration, number uint64) seen {
	return seen{at, drops.Admitted{Conn: conn, Number: number}}
}

func refused(at time.Duration, number uint64, err error) seen {
	return seen{at, drops.Admitted{Conn: conn, Number: number, Err: err}}
}

func dialed(at time.Duration, socket int) seen {
	return seen{at, drops.Dialed{Conn: conn, Socket: socket}}
}

func accepted(at time.Duration, socket int) seen {
	return seen{at, drops.Accepted{Conn: conn, Socket: socket}}
}

func arrived(at time.Duration, socket int, number uint64) seen {
	return seen{at, drops.Arrived{Conn: conn, Socket: socket, Number: number}}
}

func struck(at time.Duration, socket int, what drops.Happening) seen {
	return seen{at, drops.Struck{Step: drops.Step{At: at, Conn: conn, What: what}, Socket: socket}}
}

func healed(at time.Duration, socket int) seen {
	return seen{at, drops.Healed{Conn: conn, Socket: socket}}
}

// later is an instant at which nothing of interest happens.
func later(at time.Duration) seen { return seen{at, drops.Began{Conn: 1}} }

func over(at time.Duration) seen { return seen{at, drops.Over{}} }

// The messages of the stories.
var (
	once  = messages.Message{Kind: messages.KindText}
	least = messages.Message{Kind: messages.KindText, Guarantee: messages.AtLeastOnce}
)

// with returns the message with a TTL, a key, or a socket it is tied to.
func with(m messages.Message, ttl time.Duration, key string, incarnation uint64) messages.Message {
	m.TTL, m.Key, m.Incarnation = ttl, key, incarnation
	return m
}

// given is messages that are sent and admitted, from number 1 on.
func given(at time.Duration, all ...messages.Message) (story []seen) {
	for i, m := range all {
		story = append(story, sent(at, uint64(i+1), m), admitted(at, uint64(i+1)))
	}
	return story
}

// then joins parts of a story.
func then(parts ...any) (story []seen) {
	for _, part := range parts {
		switch part := part.(type) {
		case seen:
			story = append(story, part)
		case []seen:
			story = append(story, part...)
		}
	}
	return story
}

func TestInvariantsAreFreshAndNamed(t *testing.T) {
	names := make(map[string]bool)
	all, again := drops.Invariants(drops.Expect{}), drops.Invariants(drops.Expect{})
	for i, invariant := range all {
		if invariant == again[i] {
			t.Errorf("%v is shared", invariant)
		}
		if name := invariant.String(); name == "" || names[name] {
			t.Errorf("the name %q is empty or used twice", name)
		}
		names[invariant.String()] = true
	}
	if len(all) != 13 {
		t.Errorf("%d invariants", len(all))
	}
}

// life is that of a connection which is well, in steady traffic.
type life struct {
	invariants []drops.Invariant
	at         time.Duration
	number     uint64
}

func (l *life) observe(t *testing.T, o drops.Observation) {
	t.Helper()
	for _, i := range l.invariants {
		if err := i.Observe(l.at, o); err != nil {
			t.Fatalf("%v: %v", i, err)
		}
	}
}

func (l *life) open(t *testing.T) {
	l.observe(t, drops.Began{Conn: conn})
	l.observe(t, told(0, messages.EventTransition{Transition: messages.Transition{To: messages.Connecting}}).o)
	l.observe(t, drops.Dialed{Conn: conn, Socket: 1})
	l.observe(t, drops.Accepted{Conn: conn, Socket: 1})
	l.observe(t, told(0, messages.EventTransition{
		Incarnation: 1, Transition: messages.Transition{From: messages.Connecting, To: messages.Open},
	}).o)
}

func (l *life) exchange(t *testing.T, count int) {
	for range count {
		l.at += time.Second
		l.number++
		m, outcome := least, messages.OutcomeConfirmed
		if l.number%2 == 0 {
			m, outcome = once, messages.OutcomeWritten
		}
		m.Key = fmt.Sprint(l.number)
		l.observe(t, drops.Sent{Conn: conn, Number: l.number, Message: m})
		l.observe(t, drops.Admitted{Conn: conn, Number: l.number})
		l.observe(t, drops.Arrived{Conn: conn, Socket: 1, Number: l.number})
		l.observe(t, ends(l.at, l.number, outcome).o)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestMemoryOfInvariantsDoesNotGrowWithTime(t *testing.T) {
	const most = 1 << 20
	l := life{invariants: drops.Invariants(drops.Expect{})}
	l.open(t)
	l.exchange(t, 1000)
	before := heap()
	l.exchange(t, 50_000)
	if grown := heap() - before; grown > most {
		t.Errorf("grew by %d bytes over 50,000 messages", grown)
	}
	runtime.KeepAlive(l.invariants)
}

func TestInvariantsKeepNoPayload(t *testing.T) {
	const count, size = 200, 64 << 10
	l := life{invariants: drops.Invariants(drops.Expect{})}
	l.open(t)
	before := heap()
	for n := range uint64(count) {
		m := least
		m.Data = make([]byte, size)
		l.observe(t, drops.Sent{Conn: conn, Number: n + 1, Message: m})
	}
	if grown := heap() - before; grown > count*size/10 {
		t.Errorf("grew by %d bytes over %d messages of %d", grown, count, size)
	}
	runtime.KeepAlive(l.invariants)
}

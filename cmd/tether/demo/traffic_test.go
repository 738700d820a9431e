package demo

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tetherws/tether/messages"
)

func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// sent is what a traffic of that seed sends, where every tenth message finds
// no room.
func sent(t *testing.T, seed uint64) (all []messages.ID, score *score) {
	t.Helper()
	ids := []messages.ID{{1}, {2}, {3}}
	last := map[messages.ID]uint64{}
	score = newScore()
	calls := 0
	send := func(id messages.ID, m messages.Message) error {
		if calls++; calls%10 == 0 {
			return messages.ErrQueueFull
		}
		all = append(all, id)
		last[id]++
		number, n := binary.Uvarint(m.Data)
		if number != last[id] || n != len(m.Data) || m.Kind != messages.KindBinary || m.Guarantee != messages.AtLeastOnce {
			t.Fatalf("sent %+v as number %d", m, last[id])
		}
		return nil
	}
	traffic := traffic{send: send, ids: ids, random: source(seed), score: score, last: make([]uint64, len(ids))}
	for range 1000 {
		if err := traffic.next(); err != nil {
			t.Fatal(err)
		}
	}
	return all, score
}

func TestMessagesAreNumberedWithoutGaps(t *testing.T) {
	all, score := sent(t, 1)
	if got := score.snapshot(); got.sent != 900 || got.refused != 100 || len(all) != 900 {
		t.Errorf("%d sent and %d refused, want 900 and 100", got.sent, got.refused)
	}
}

func TestASeedRepeatsTheTraffic(t *testing.T) {
	first, _ := sent(t, 1)
	again, _ := sent(t, 1)
	other, _ := sent(t, 2)
	if !slices.Equal(first, again) {
		t.Error("the same seed sent to others")
	}
	if slices.Equal(first, other) {
		t.Error("another seed sent to the same")
	}
}

func TestATrafficThatCannotGoOnSaysSo(t *testing.T) {
	traffic := traffic{
		send:   func(messages.ID, messages.Message) error { return messages.ErrClosed },
		ids:    []messages.ID{{1}},
		random: source(1),
		score:  newScore(),
		last:   make([]uint64, 1),
	}
	if err := traffic.next(); !errors.Is(err, messages.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if got := traffic.score.snapshot().sent; got != 0 {
		t.Errorf("%d counted as sent", got)
	}
}

func TestRandomIDsAreUUIDs(t *testing.T) {
	random, again := source(7), source(7)
	seen := map[messages.ID]bool{}
	for range 100 {
		id := randomID(random)
		if id[6]>>4 != 4 || id[8]>>6 != 2 || seen[id] {
			t.Fatalf("%v is no new version 4 UUID", id)
		}
		if same := randomID(again); same != id {
			t.Fatalf("the same seed gave %v and %v", id, same)
		}
		seen[id] = true
	}
}

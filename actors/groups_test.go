package actors_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// members dials n connections, each to a server that keeps what arrives.
func (w *world) members(n int) (ids []messages.ID, got []*inbox) {
	w.t.Helper()
	for range n {
		in := &inbox{}
		w.serves(in.keep)
		ids, got = append(ids, w.dial(w.target())), append(got, in)
	}
	return ids, got
}

// broadcast asserts how many admit and refuse s.
func (w *world) broadcast(group, s string, admitted, refused int) {
	w.t.Helper()
	if a, r := w.m.Broadcast(group, messages.Text(s)); a != admitted || r != refused {
		w.t.Errorf("broadcast of %q to %q: %d admitted, %d refused, want %d and %d", s, group, a, r, admitted, refused)
	}
	synctest.Wait()
}

func (w *world) join(id messages.ID, groups ...string) {
	w.t.Helper()
	for _, g := range groups {
		if err := w.m.Join(id, g); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestABroadcastReachesTheMembersOfItsGroup(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		ids, got := w.members(3)
		w.join(ids[0], "red", "blue", "red")
		w.join(ids[1], "blue")
		if groups := w.info(ids[0]).Groups; !slices.Equal(groups, []string{"blue", "red"}) {
			t.Errorf("groups %q", groups)
		}
		w.broadcast("red", "r", 1, 0)
		w.broadcast("blue", "b", 2, 0)
		w.broadcast("", "e", 3, 0)
		w.broadcast("nobody's", "n", 0, 0)
		if err := errors.Join(w.m.Leave(ids[0], "blue"), w.m.Leave(ids[0], "blue"), w.m.Leave(ids[2], "red")); err != nil {
			t.Error(err)
		}
		w.broadcast("blue", "b2", 1, 0)
		for i, want := range [][]string{{"r", "b", "e"}, {"b", "e", "b2"}, {"e"}} {
			if !slices.Equal(got[i].got(), want) {
				t.Errorf("member %d got %q, want %q", i, got[i].got(), want)
			}
		}
	})
}

func TestEveryoneIsNoGroupToJoin(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		ids, _ := w.members(1)
		if err := w.m.Join(ids[0], ""); !errors.Is(err, messages.ErrInvalid) {
			t.Errorf("Join: %v", err)
		}
		if err := w.m.Leave(ids[0], ""); err != nil && !errors.Is(err, messages.ErrInvalid) {
			t.Errorf("Leave: %v", err)
		}
		w.broadcast("", "x", 1, 0)
		for _, f := range []func(messages.ID, string) error{w.m.Join, w.m.Leave} {
			if err := f(messages.NewID(), "g"); !errors.Is(err, messages.ErrUnknownConnection) {
				t.Errorf("unknown ID: %v", err)
			}
		}
	})
}

func TestMembershipSurvivesReconnectsAndEndsWithTheConnection(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		ids, got := w.members(1)
		w.join(ids[0], "g")
		_ = drops.Reset{}.Inject(w.wire())
		w.wait(ids[0], messages.Backoff)
		w.broadcast("g", "while it is down", 1, 0)
		w.wait(ids[0], messages.Open)
		w.broadcast("g", "up again", 1, 0)
		if want := []string{"while it is down", "up again"}; !slices.Equal(got[0].got(), want) {
			t.Errorf("got %q", got[0].got())
		}
		if err := w.m.Close(t.Context(), ids[0], 0, ""); err != nil {
			t.Fatal(err)
		}
		w.broadcast("g", "gone", 0, 0)
		w.broadcast("", "gone", 0, 0)
		if err := w.m.Join(ids[0], "g"); !errors.Is(err, messages.ErrClosed) {
			t.Errorf("Join of a closed connection: %v", err)
		}
	})
}

func TestAFullMemberDelaysNobody(t *testing.T) {
	config := actors.Config{Outbox: actors.Outbox{Messages: 4}}
	bubble(t, config, func(t *testing.T, w *world) {
		ids, got := w.members(3)
		for _, id := range ids {
			w.join(id, "g")
		}
		stalled := w.net.Conns()[1].Other()
		_ = drops.Stall{}.Inject(stalled)
		defer stalled.Heal()
		big := messages.Binary(make([]byte, 200<<10)) // more than the way to the peer holds
		w.send(ids[1], big)
		synctest.Wait()
		for range 3 {
			w.send(ids[1], big)
		}
		start := time.Now()
		for w.m.Send(ids[1], messages.Text("x")) == nil {
		}
		w.broadcast("g", "on time", 2, 1)
		if time.Since(start) != 0 || !slices.Contains(got[0].got(), "on time") || !slices.Contains(got[2].got(), "on time") {
			t.Errorf("after %v the others have %q and %q", time.Since(start), got[0].got(), got[2].got())
		}
	})
}

func TestABroadcastThatIsInvalidIsRefusedByAll(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		ids, _ := w.members(2)
		w.join(ids[0], "g")
		for _, m := range []messages.Message{{}, messages.Text("\xff"), {Kind: messages.KindText, TTL: -1}} {
			if a, r := w.m.Broadcast("g", m); a != 0 || r != 1 {
				t.Errorf("%d admitted, %d refused", a, r)
			}
			if a, r := w.m.Broadcast("", m); a != 0 || r != 2 {
				t.Errorf("%d admitted, %d refused by everyone", a, r)
			}
		}
		if a, r := w.m.Broadcast("", messages.Binary(make([]byte, 1<<20+1))); a != 0 || r != 2 {
			t.Errorf("too large: %d admitted, %d refused", a, r)
		}
	})
}

func TestABroadcastReachesAllKindsOfSockets(t *testing.T) {
	config := actors.Config{Upgrader: compressing.Upgrader}
	bubble(t, config, func(t *testing.T, w *world) {
		var peers []*raw
		for _, compress := range []bool{false, true} {
			peers = append(peers, rawClient(w, compress), rawServer(w, compress))
		}
		data := pattern(40_000)
		m := messages.Binary(data)
		m.Guarantee = messages.AtLeastOnce
		if a, r := w.m.Broadcast("", m); a != 4 || r != 0 {
			t.Fatalf("%d admitted, %d refused", a, r)
		}
		for i, p := range peers {
			defer p.Close()
			first, got := p.data()
			if p.agreed {
				first, got = first&^rsv1, inflated(got)
			}
			if first != finBinary || !bytes.Equal(got, data) {
				t.Errorf("peer %d got %#x with %d bytes", i, first, len(got))
			}
		}
		if !bytes.Equal(data, pattern(40_000)) {
			t.Error("the data was changed")
		}
	})
}

func TestAfterShutdownABroadcastIsRefused(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		_, got := w.members(1)
		if err := w.m.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.broadcast("", "late", 0, 0)
		if len(got[0].got()) != 0 {
			t.Errorf("got %q", got[0].got())
		}
	})
}

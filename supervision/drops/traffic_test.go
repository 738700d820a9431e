package drops_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestMessagesAreDrawnOfAllKindsAndNumberedAsTheFleetDoes(t *testing.T) {
	plan := drops.Plan{Script: drops.Script{Seed: 9, Length: 48 * time.Hour, Connections: 1}, Message: 30 * time.Second}
	_, seen := simulate(t, plan, actors.Config{})
	_, sent := of[drops.Sent](seen)
	var twice, ttl, keyed int
	for i, s := range sent {
		if s.Number != uint64(i+1) || string(s.Message.Data) != strconv.FormatUint(s.Number, 10) {
			t.Fatalf("message %d: %+v", i, s)
		}
		twice += count(s.Message.Guarantee == messages.AtLeastOnce)
		ttl += count(s.Message.TTL > 0)
		keyed += count(s.Message.Key != "")
	}
	n := len(sent)
	near(t, "messages", n, 48*120)
	near(t, "at least once", twice, n/2)
	near(t, "with a TTL", ttl, n/4)
	near(t, "with a key", keyed, n/8)
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// near allows a tenth.
func near(t *testing.T, what string, got, want int) {
	t.Helper()
	if got < want*9/10 || got > want*11/10 {
		t.Errorf("%d %s; want about %d", got, what, want)
	}
}

func TestServerSendsToo(t *testing.T) {
	plan := drops.Plan{Script: drops.Script{Length: time.Hour, Connections: 1}, Message: time.Minute}
	_, seen := simulate(t, plan, actors.Config{})
	_, arrived := of[drops.Arrived](seen)
	want := uint64(0)
	for _, a := range arrived {
		want += uint64(count(a.Number%4 == 0))
	}
	_, polled := of[drops.Polled](seen)
	got := uint64(0)
	for _, p := range polled {
		got = max(got, p.Info.Received)
	}
	if got != want || got == 0 {
		t.Errorf("the fleet received %d; want %d", got, want)
	}
}

func TestPollsFallBetweenWhatMoves(t *testing.T) {
	plan := drops.Plan{Script: mixed(4, 10, 4*time.Hour, 10*time.Minute), Message: 10 * time.Second, Poll: time.Minute}
	_, seen := simulate(t, plan, actors.Config{})
	admitted, polls := make(map[int]uint64), 0
	for _, s := range seen.shots {
		switch o := s.Observation.(type) {
		case drops.Admitted:
			admitted[o.Conn] += uint64(count(o.Err == nil))
		case drops.Polled:
			i := o.Info
			ended := i.Written + i.Confirmed + i.Expired + i.Replaced + i.Refused + i.Undelivered
			if o.Err == nil && (i.Admitted != admitted[o.Conn] || ended+uint64(i.Queued+i.Unconfirmed) != i.Admitted) {
				t.Errorf("%v: connection %d after %d messages: %+v", s.at, o.Conn, admitted[o.Conn], i)
			}
			polls++
		}
	}
	near(t, "polls", polls, 10*4*60)
}

func TestOneConnectionInTenIsClosedForGoodAndUsedAfterwards(t *testing.T) {
	plan := drops.Plan{Script: drops.Script{Seed: 2, Length: time.Hour, Connections: 20}}
	r, seen := simulate(t, plan, actors.Config{})
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	times, closing := of[drops.Closing](seen)
	_, closed := of[drops.Closed](seen)
	if len(closing) != 2 || len(closed) != 2 || closing[0].Conn+closing[1].Conn != 9+19 || closed[0].Err != nil {
		t.Fatalf("closing %v, closed %v", closing, closed)
	}
	for i, c := range closing {
		if times[i] < time.Hour/2 || times[i] > time.Hour {
			t.Errorf("connection %d was closed at %v", c.Conn, times[i])
		}
		uses := uses(seen, c.Conn, times[i])
		for _, use := range []use{
			{drops.Admitted{}, messages.ErrClosed}, {drops.Admitted{}, messages.ErrUnknownConnection},
			{drops.Retried{}, messages.ErrClosed}, {drops.Retried{}, messages.ErrUnknownConnection},
		} {
			if uses[use] == 0 {
				t.Errorf("connection %d: never %T with %v", c.Conn, use.what, use.err)
			}
		}
	}
}

// One more in ten is closed as soon as it was struck, when it may be down.
func TestOneConnectionInTenIsClosedJustAfterItWasStruck(t *testing.T) {
	script := drops.Script{Seed: 2, Length: time.Hour, Connections: 20, Steps: []drops.Step{
		{At: 10 * time.Minute, Conn: 4, What: drops.Reset{}},
		{At: 40 * time.Minute, Conn: 4, What: drops.Reset{}},
		{At: 50 * time.Minute, Conn: 4, What: drops.Reset{}},
	}}
	r, seen := simulate(t, drops.Plan{Script: script}, actors.Config{})
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	times, closing := of[drops.Closing](seen)
	for i, c := range closing {
		if after := times[i] - 40*time.Minute; c.Conn == 4 && (after <= 0 || after > time.Second) {
			t.Errorf("closed %v after it was struck", after)
		}
	}
	if len(closing) != 3 { // with 9 and 19; 14 was never struck
		t.Errorf("closing %v", closing)
	}
}

// use is an observation of a kind, and what the fleet answered.
type use struct {
	what drops.Observation
	err  error
}

// uses counts those of a connection after it was closed.
func uses(seen *film, conn int, closed time.Duration) map[use]int {
	all := make(map[use]int)
	for _, s := range seen.shots {
		if s.at <= closed {
			continue
		}
		switch o := s.Observation.(type) {
		case drops.Admitted:
			all[use{drops.Admitted{}, answer(o.Err)}] += count(o.Conn == conn)
		case drops.Retried:
			all[use{drops.Retried{}, answer(o.Err)}] += count(o.Conn == conn)
		case drops.Due:
			return all
		}
	}
	return all
}

func answer(err error) error {
	for _, sentinel := range []error{messages.ErrClosed, messages.ErrUnknownConnection} {
		if errors.Is(err, sentinel) {
			return sentinel
		}
	}
	return err
}

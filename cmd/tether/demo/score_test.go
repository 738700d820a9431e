package demo

import (
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
)

func TestScoreFollowsTheEvents(t *testing.T) {
	a, b := messages.NewID(), messages.NewID()
	score, start := newScore(), time.Now()
	for _, step := range []struct {
		id       messages.ID
		from, to messages.State
		at       int // seconds
	}{
		{a, 0, messages.Connecting, 0},
		{b, 0, messages.Connecting, 0},
		{a, messages.Connecting, messages.Open, 1},
		{b, messages.Connecting, messages.Backoff, 1},
		{a, messages.Open, messages.Backoff, 2},
		{b, messages.Backoff, messages.Connecting, 2},
		{b, messages.Connecting, messages.Open, 3},
		{a, messages.Backoff, messages.Connecting, 4},
		{a, messages.Connecting, messages.Backoff, 5},
		{a, messages.Backoff, messages.Connecting, 6},
		{a, messages.Connecting, messages.Open, 9},
		{b, messages.Open, messages.Parked, 9},
	} {
		score.event(messages.EventTransition{ID: step.id, Transition: messages.Transition{
			From: step.from, To: step.to, At: start.Add(time.Duration(step.at) * time.Second),
		}})
	}
	for outcome := messages.OutcomeWritten; outcome <= messages.OutcomeUndelivered; outcome++ {
		score.event(messages.EventOutcome{ID: a, Outcome: outcome})
	}
	got := score.snapshot()
	if got.states[messages.Open] != 1 || got.states[messages.Parked] != 1 || got.states[messages.Connecting] != 0 || got.states[messages.Backoff] != 0 {
		t.Errorf("states are counted %v", got.states)
	}
	if got.confirmed != 1 {
		t.Errorf("%d confirmed, want 1", got.confirmed)
	}
	// b's first opening is no reconnect; a was down from 2 to 9, over two attempts.
	if want := (latency{7 * time.Second, 7 * time.Second, 7 * time.Second}); got.reconnects != 1 || got.reconnect != want {
		t.Errorf("%d reconnects took %v, want 1 that took %v", got.reconnects, got.reconnect, want)
	}
}

func TestLatency(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i)
	}
	tests := []struct {
		took []time.Duration
		want latency
	}{
		{nil, latency{}},
		{[]time.Duration{5}, latency{5, 5, 5}},
		{[]time.Duration{9, 1, 5}, latency{5, 9, 9}},
		{hundred, latency{50, 99, 100}},
	}
	for _, test := range tests {
		if got := latencyOf(test.took); got != test.want {
			t.Errorf("%d durations: %v, want %v", len(test.took), got, test.want)
		}
	}
}

package drops_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// counted is a connection with one message of each outcome, one that is queued
// and one that is not confirmed; and what Info is to say of it at 2 s.
func counted() (story []seen, info messages.Info) {
	const s = time.Second
	story = then(moves(0, 0, messages.Connecting, 0), moves(s, messages.Connecting, messages.Open, 1))
	for number := range uint64(9) {
		story = append(story, admitted(s, number+1))
	}
	story = append(story, refused(s, 10, messages.ErrQueueFull))
	for o := messages.OutcomeWritten; o <= messages.OutcomeUndelivered; o++ {
		story = append(story, ends(s, uint64(o), o))
	}
	return story, messages.Info{
		State: messages.Open, Since: epoch.Add(s), Incarnation: 1, Queued: 1, QueuedBytes: 5, Unconfirmed: 1, Admitted: 9,
		Written: 1, Confirmed: 1, Expired: 1, Replaced: 1, Refused: 1, Withdrawn: 1, Undelivered: 1,
	}
}

// looks is a story in which Info is asked at 2 s, and changed before it answers.
func looks(name string, change func(*messages.Info), breaks string) story {
	seen, info := counted()
	change(&info)
	if breaks != "" {
		breaks = "connection 7: Info at 2s: " + breaks
	}
	return story{name, then(seen, polled(2*time.Second, info, nil)), breaks}
}

func TestCountsAddUp(t *testing.T) {
	seen, info := counted()
	end := &messages.CloseError{}
	judges(t, drops.CountsAddUp, []story{
		looks("all of them", func(*messages.Info) {}, ""),
		looks("one less", func(i *messages.Info) { i.Queued = 0 }, "9 admitted, and the sum of the others is 8"),
		looks("one more", func(i *messages.Info) { i.Unconfirmed++ }, "9 admitted, and the sum of the others is 10"),
		looks("below zero", func(i *messages.Info) { i.Queued, i.Unconfirmed = -1, 3 }, "-1 queued, 5 bytes, 3 unconfirmed"),
		looks("below zero, unconfirmed", func(i *messages.Info) { i.Queued, i.Unconfirmed = 3, -1 }, "3 queued, 5 bytes, -1 unconfirmed"),
		looks("below zero, in bytes", func(i *messages.Info) { i.QueuedBytes = -1 }, "1 queued, -1 bytes, 1 unconfirmed"),
		looks("admitted by nobody", func(i *messages.Info) { i.Admitted++; i.Queued++ }, "10 admitted, and Send has admitted 9"),
		looks("written, and not told", func(i *messages.Info) { i.Written++; i.Queued-- }, "2 written, and 1 were told"),
		looks("told as another", func(i *messages.Info) { i.Confirmed--; i.Withdrawn++ },
			"0 confirmed, and 1 were told\n2 withdrawn, and 1 were told"),
		{name: "there is no Info", seen: then(seen, polled(2*time.Second, messages.Info{}, messages.ErrUnknownConnection))},
		{name: "an outcome that is none", seen: then(seen, ends(time.Second, 1, messages.OutcomeUndelivered+1), polled(2*time.Second, info, nil))},
		{
			name: "closed",
			seen: then(moves(0, 0, messages.Connecting, 0), moves(time.Second, messages.Connecting, messages.Closed, 0),
				polled(2*time.Second, messages.Info{State: messages.Closed, Since: epoch.Add(time.Second)}, end)),
		},
		{
			name:   "closed, with messages",
			seen:   then(seen, moves(time.Second, messages.Open, messages.Closed, 1), polled(2*time.Second, in(info, messages.Closed), end)),
			breaks: "connection 7: Info at 2s: closed, and 1 queued, 1 unconfirmed",
		},
	})
	for o := messages.OutcomeWritten; o <= messages.OutcomeUndelivered; o++ {
		seen, info := counted()
		judges(t, drops.CountsAddUp, []story{{
			name: o.String() + " once more", seen: then(seen, ends(time.Second, 8, o), polled(2*time.Second, info, nil)),
			breaks: fmt.Sprintf("connection 7: Info at 2s: 1 %v, and 2 were told", o),
		}})
	}
}

// in is info in another state.
func in(info messages.Info, s messages.State) messages.Info {
	info.State = s
	return info
}

func TestInfoStandsWhereTheLastTransitionHasLed(t *testing.T) {
	const s = time.Second
	what := "connection 7: Info at 2s: "
	to := func(from, to messages.State, delay time.Duration) seen {
		return told(s, messages.EventTransition{Attempt: 3, Incarnation: 4, Delay: delay, Transition: messages.Transition{From: from, To: to}})
	}
	info := func(state messages.State, attempt int, incarnation uint64, next time.Time) seen {
		return polled(2*s, messages.Info{State: state, Since: epoch.Add(s), Attempt: attempt, Incarnation: incarnation, NextAttempt: next}, nil)
	}
	open, down, next := to(messages.Connecting, messages.Open, 0), to(messages.Open, messages.Backoff, 9*s), epoch.Add(10*s)
	judges(t, drops.CountsAddUp, []story{
		{name: "open", seen: then(open, info(messages.Open, 3, 4, time.Time{}))},
		{name: "open, and proven", seen: then(open, info(messages.Open, 0, 4, time.Time{}))},
		{name: "closing, and proven", seen: then(to(messages.Open, messages.Closing, 0), info(messages.Closing, 0, 4, time.Time{}))},
		{name: "waiting", seen: then(down, info(messages.Backoff, 3, 4, next))},
		{name: "parked", seen: then(to(messages.Open, messages.Parked, 9*s), info(messages.Parked, 3, 4, next))},
		{name: "at the first attempt", seen: then(moves(s, 0, messages.Connecting, 0), info(messages.Connecting, 0, 1, time.Time{}))},
		{
			name: "another state", seen: then(open, info(messages.Closing, 3, 4, time.Time{})),
			breaks: what + "closing since 2000-01-01 00:00:01 +0000 UTC, and open was told at 2000-01-01 00:00:01 +0000 UTC",
		},
		{
			name: "since another time", seen: then(open, polled(2*s, messages.Info{State: messages.Open, Since: epoch, Attempt: 3, Incarnation: 4}, nil)),
			breaks: what + "open since 2000-01-01 00:00:00 +0000 UTC, and open was told at 2000-01-01 00:00:01 +0000 UTC",
		},
		{name: "other failures", seen: then(open, info(messages.Open, 2, 4, time.Time{})), breaks: what + "2 failures, and 3 were told"},
		{name: "no failures while down", seen: then(down, info(messages.Backoff, 0, 4, next)), breaks: what + "0 failures, and 3 were told"},
		{name: "another incarnation", seen: then(down, info(messages.Backoff, 3, 5, next)), breaks: what + "incarnation 5, and 4 was told"},
		{name: "a second incarnation at the first attempt", seen: then(moves(s, 0, messages.Connecting, 0), info(messages.Connecting, 0, 2, time.Time{})), breaks: what + "incarnation 2, and 0 was told"},
		{
			name: "another next attempt", seen: then(down, info(messages.Backoff, 3, 4, next.Add(1))),
			breaks: what + "the next attempt at 2000-01-01 00:00:10.000000001 +0000 UTC, and 2000-01-01 00:00:10 +0000 UTC was told",
		},
		{
			name: "a next attempt while open", seen: then(open, info(messages.Open, 3, 4, next)),
			breaks: what + "the next attempt at 2000-01-01 00:00:10 +0000 UTC, and 0001-01-01 00:00:00 +0000 UTC was told",
		},
	})
}

package drops_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// dials is the connection's first socket, and that it is dialed.
var dials = then(goes(0, 0, messages.Connecting), dialed(0, 1), accepted(0, 1), goes(0, messages.Connecting, messages.Open))

func TestSilenceIsFoundInTime(t *testing.T) {
	const s, found = time.Second, 35 * time.Second
	for _, silence := range []drops.Fault{
		drops.Silence{}, drops.Silence{In: true}, drops.Silence{Out: true}, drops.Stall{}, drops.Pongs{},
	} {
		t.Run(silence.String(), func(t *testing.T) {
			silent := then(dials, struck(s, 1, silence))
			late := "connection 7: socket 1, silent since 1s, was still open after 36s"
			judges(t, func() drops.Invariant { return drops.SilenceFound(drops.Expect{}) }, []story{
				{name: "at the last nanosecond", seen: then(silent, later(s+found), goes(s+found, messages.Open, messages.Backoff), later(99*s))},
				{name: "a nanosecond late", seen: then(silent, goes(s+found+1, messages.Open, messages.Backoff)), breaks: late},
				{name: "never, and it is said once", seen: then(silent, later(50*s), later(60*s)), breaks: late},
				{name: "healed", seen: then(silent, healed(2*s, 1), later(99*s))},
				{name: "ended", seen: then(silent, seen{2 * s, drops.Ended{Conn: conn, Socket: 1}}, later(99*s))},
				{name: "followed by another fault", seen: then(silent, struck(2*s, 1, drops.Unasked{}), later(99*s))},
				{name: "of another socket", seen: then(dials, struck(s, 2, silence), later(99*s))},
				{name: "that is not healed with another socket", seen: then(silent, healed(2*s, 2), later(99*s)), breaks: late},
				{name: "without effect", seen: then(dials, seen{s, drops.Struck{
					Step: drops.Step{Conn: conn, What: silence}, Socket: 1, Err: syscall.EPIPE,
				}}, later(99*s))},
				{name: "closing", seen: then(silent, goes(2*s, messages.Open, messages.Closing), later(99*s))},
				{
					name: "of a socket that opens after it",
					seen: then(goes(0, 0, messages.Connecting), dialed(0, 1), struck(s, 1, silence), goes(3*s, messages.Connecting, messages.Open),
						later(3*s+found), goes(3*s+found+1, messages.Open, messages.Backoff)),
					breaks: "connection 7: socket 1, silent since 3s, was still open after 38s",
				},
			})
		})
	}
}

func TestSilenceIsFoundAsConfigured(t *testing.T) {
	const s = time.Second
	judges(t, func() drops.Invariant {
		return drops.SilenceFound(drops.Expect{Idle: 2 * s, Timeout: 3 * s, HandshakeTimeout: 4 * s})
	}, []story{
		{name: "a socket", seen: then(dials, struck(s, 1, drops.Stall{}), later(6*s+1)), breaks: "connection 7: socket 1, silent since 1s, was still open after 6s"},
		{name: "a handshake", seen: then(dialed(s, 1), later(5*s+1)), breaks: "connection 7: the handshake on socket 1, begun at 1s, was not over by 5s"},
	})
}

func TestSilenceOfPongsCountsFromTheLastArrival(t *testing.T) {
	const s = time.Second
	silences := func() drops.Invariant { return drops.SilenceFound(drops.Expect{}) }
	judges(t, silences, []story{
		{
			name:   "the server may answer a message",
			seen:   then(dials, struck(s, 1, drops.Pongs{}), arrived(10*s, 1, 1), later(45*s), later(45*s+1)),
			breaks: "connection 7: socket 1, silent since 10s, was still open after 45s",
		},
		{
			name:   "one that is silenced can't",
			seen:   then(dials, struck(s, 1, drops.Silence{Out: true}), arrived(10*s, 1, 1), later(36*s+1)),
			breaks: "connection 7: socket 1, silent since 1s, was still open after 36s",
		},
		{name: "late pongs are no silence", seen: then(dials, struck(s, 1, drops.Pongs{Late: time.Minute}), later(99*s))},
	})
}

func TestHandshakesEndInTime(t *testing.T) {
	const s = time.Second
	begun := then(goes(0, 0, messages.Connecting), dialed(s, 1))
	late := "connection 7: the handshake on socket 1, begun at 1s, was not over by 11s"
	judges(t, func() drops.Invariant { return drops.SilenceFound(drops.Expect{}) }, []story{
		{name: "at the last nanosecond", seen: then(begun, goes(11*s, messages.Connecting, messages.Backoff), later(99*s))},
		{name: "well", seen: then(begun, goes(2*s, messages.Connecting, messages.Open), later(99*s))},
		{name: "a dial that is seen before its Connecting", seen: then(dialed(s, 1), goes(s, messages.Backoff, messages.Connecting),
			goes(s, messages.Connecting, messages.Open), later(99*s))},
		{name: "a dial that is seen after the end", seen: then(begun, goes(s, messages.Connecting, messages.Closed), dialed(s, 2), later(99*s))},
		{name: "a nanosecond late", seen: then(begun, later(11*s+1)), breaks: late},
		{name: "silenced", seen: then(begun, struck(2*s, 1, drops.Silence{}), later(11*s+1)), breaks: late},
		{name: "a dial that fails", seen: then(goes(0, 0, messages.Connecting), dialed(s, 0), later(11*s+1)), breaks: "connection 7: the handshake on socket 0, begun at 1s, was not over by 11s"},
	})
}

func TestSilencesOfManyConnectionsAreToldInTheirOrder(t *testing.T) {
	const s = time.Second
	i := drops.SilenceFound(drops.Expect{})
	for _, n := range []int{5, 1, 4, 2} {
		_ = i.Observe(s, drops.Dialed{Conn: n, Socket: 1})
	}
	_ = i.Observe(3*s, drops.Dialed{Conn: 0, Socket: 1})
	_ = i.Observe(4*s, drops.Told{Conn: 2, Event: messages.EventTransition{
		Transition: messages.Transition{From: messages.Connecting, To: messages.Backoff},
	}})
	err := i.Observe(20*s, drops.Began{})
	want := "connection 1: the handshake on socket 1, begun at 1s, was not over by 11s\n" +
		"connection 4: the handshake on socket 1, begun at 1s, was not over by 11s\n" +
		"connection 5: the handshake on socket 1, begun at 1s, was not over by 11s\n" +
		"connection 0: the handshake on socket 1, begun at 3s, was not over by 13s"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

package drops

import (
	"errors"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// SilenceFound holds that a socket on which nothing comes in any more is given
// up by Idle + Timeout after that began, to the nanosecond; and a handshake by
// HandshakeTimeout after its dial.
//
// Nothing comes in by [Silence] and [Stall], since a server that hears nothing
// answers nothing. By [Pongs] that are withheld for good nothing does but what
// the server may say to a message: so the time counts from the last arrival.
func SilenceFound(e Expect) Invariant { return &silenceFound{expect: e.withDefaults()} }

type silenceFound struct {
	expect Expect
	conns  perConn[hearing]
	due    deadlines
}

// hearing is what the fleet hears of a connection's latest socket.
type hearing struct {
	state  messages.State
	socket int
	muting muting
	since  time.Duration // of muting, of the last arrival, or of the opening after it
}

func (*silenceFound) String() string { return "silence found" }

// Observe implements Invariant.
func (i *silenceFound) Observe(at time.Duration, o Observation) error {
	var errs []error
	for conn, due, ok := i.due.missed(at); ok; conn, due, ok = i.due.missed(at) {
		errs = append(errs, i.late(conn, due))
	}
	i.see(at, o)
	return errors.Join(errs...)
}

func (i *silenceFound) late(conn int, due time.Duration) error {
	c := i.conns.of(conn)
	if c.state == messages.Open {
		return fmt.Errorf("connection %d: socket %d, silent since %v, was still open after %v", conn, c.socket, c.since, due)
	}
	return fmt.Errorf("connection %d: the handshake on socket %d, begun at %v, was not over by %v",
		conn, c.socket, due-i.expect.HandshakeTimeout, due)
}

func (i *silenceFound) see(at time.Duration, o Observation) {
	switch o := o.(type) {
	case Dialed:
		i.dialed(at, o)
	case Told:
		if t, ok := o.Event.(messages.EventTransition); ok {
			i.move(at, o.Conn, t)
		}
	case Struck:
		if o.Err == nil {
			i.mute(at, o.Conn, o.Socket, mutingOf(o.What))
		}
	case Healed:
		i.mute(at, o.Conn, o.Socket, mutesNothing)
	case Ended:
		i.mute(at, o.Conn, o.Socket, mutesNothing)
	case Arrived:
		if i.conns.of(o.Conn).muting == mutesPongs {
			i.mute(at, o.Conn, o.Socket, mutesPongs)
		}
	}
}

func (i *silenceFound) dialed(at time.Duration, o Dialed) {
	c := i.conns.of(o.Conn)
	if c.state == messages.Closed {
		return // just now; a later dial is for ClosedIsFinal to tell
	}
	*c = hearing{state: messages.Connecting, socket: o.Socket}
	i.due.set(o.Conn, at+i.expect.HandshakeTimeout)
}

func (i *silenceFound) move(at time.Duration, conn int, t messages.EventTransition) {
	c := i.conns.of(conn)
	c.state = t.To
	if t.From == messages.Connecting || t.From == messages.Open {
		i.due.clear(conn)
	}
	if t.To == messages.Open {
		i.mute(at, conn, c.socket, c.muting)
	}
}

// mute has the clock of the socket start anew, or stand.
func (i *silenceFound) mute(at time.Duration, conn, socket int, m muting) {
	c := i.conns.of(conn)
	if socket != c.socket {
		return
	}
	c.muting, c.since = m, at
	switch {
	case c.state != messages.Open:
	case m == mutesNothing:
		i.due.clear(conn)
	default:
		i.due.set(conn, at+i.expect.Idle+i.expect.Timeout)
	}
}

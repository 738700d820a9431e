package drops_test

import (
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestNothingLeft(t *testing.T) {
	const s = time.Second
	down := then(seen{0, drops.Began{Conn: conn}}, goes(s, messages.Open, messages.Closed))
	unknown := messages.ErrUnknownConnection
	ends := func(o drops.Over) seen { return seen{9 * s, o} }
	remembered := `connection 7: its Info at 9s, when all was over, was answered with "connection is closed"`
	judges(t, drops.NothingLeft, []story{
		{name: "forgotten, asked before the end", seen: then(down, polled(2*s, messages.Info{}, messages.ErrClosed), polled(9*s, messages.Info{}, unknown), over(9*s))},
		{name: "forgotten, asked after the end", seen: then(down, polled(2*s, messages.Info{}, messages.ErrClosed), over(9*s), polled(9*s, messages.Info{}, unknown))},
		{name: "one that never began", seen: then(goes(s, 0, messages.Connecting), over(9*s))},
		{
			name:   "messages",
			seen:   then(down, ends(drops.Over{Err: &messages.ShutdownError{Undelivered: 3}})),
			breaks: "shutdown: shutdown left 0 connections unfinished and 3 messages undelivered",
		},
		{name: "sockets", seen: then(down, ends(drops.Over{Open: 2})), breaks: "2 sockets were open after the shutdown"},
		{
			name:   "goroutines",
			seen:   then(down, ends(drops.Over{Left: []string{"goroutine 1", "goroutine 2"}})),
			breaks: "2 goroutines are left at 9s:\ngoroutine 1\n\ngoroutine 2",
		},
		{name: "a connection", seen: then(seen{0, drops.Began{Conn: conn}}, goes(s, messages.Connecting, messages.Open), over(9*s)), breaks: "connection 7: still open at 9s"},
		{name: "a memory, asked before the end", seen: then(down, polled(9*s, messages.Info{}, messages.ErrClosed), over(9*s)), breaks: remembered},
		{name: "a memory, asked after the end", seen: then(down, over(9*s), polled(9*s, messages.Info{}, messages.ErrClosed)), breaks: remembered},
		{
			name: "an Info without an error", seen: then(down, polled(9*s, messages.Info{}, nil), over(9*s)),
			breaks: "connection 7: its Info at 9s, when all was over, was answered with nil",
		},
	})
}

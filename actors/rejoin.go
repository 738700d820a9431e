package actors

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
)

// The return of a dialed connection to a server that speaks tether.v1.

// returns reports whether r is dialed, and on tether.v1.
func (r *record) returns() bool { return r.resume != nil && r.target != nil }

// offers are the subprotocols to offer: tether.v1 alone, and what the
// connection comes back with.
func (r *record) offers() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.resume
	if s.token == "" {
		return []string{Resumption}
	}
	return []string{Resumption, fmt.Sprintf("%s%s.%d", returning, s.token, s.received)}
}

// rejoin reads the server's welcome from l, which must come first, and goes by
// what it says.
func (a *attempt) rejoin(l *link) error {
	opcode, payload, err := l.receiver.next(a.record.settings.readLimit)
	switch {
	case err != nil:
		return err
	case opcode == opClose:
		return parseClose(payload)
	case opcode != byte(messages.KindText):
		return violation(websocket.CloseProtocolError, "%s: no welcome", Resumption)
	}
	in, err := parseWelcome(payload)
	if err != nil {
		return err
	}
	l.rejoined = in.Resumed
	return a.record.heed(a, in)
}

// heed takes note of the welcome that a has read. From here on the connection
// has its token, whether the attempt succeeds or not.
func (r *record) heed(a *attempt, in welcome) error {
	r.mu.Lock()
	defer r.unlock()
	s := r.resume
	switch {
	case r.attempt != a:
		return context.Canceled
	case in.Resumed && (s.token == "" || in.Next <= s.received):
		return violation(websocket.CloseProtocolError, "%s: it resumes what was not", Resumption)
	case in.Resumed && in.Next > s.received+1:
		r.m.log.Warn("the server takes messages for delivered that were not", "conn", r.id, "count", in.Next-s.received-1)
	case !in.Resumed && s.token != "":
		r.m.log.Warn("the server does not know the connection any more", "conn", r.id)
	}
	var taken uint64 // of what the last socket was given
	if in.Resumed && in.Received > s.before {
		taken = in.Received - s.before
	}
	r.renumber(taken, in.Received)
	s.token, s.received = in.Token, in.Next-1
	return nil
}

// parseWelcome reads a welcome, with nothing in it that could not be sent back.
// Its errors do not repeat it.
func parseWelcome(text []byte) (in welcome, err error) {
	wrong := func(what string) error {
		return violation(websocket.CloseProtocolError, "%s: %s", Resumption, what)
	}
	switch err := json.Unmarshal(text, &in); {
	case err != nil || in.Tether != version:
		return in, wrong("no welcome")
	case in.Next == 0:
		return in, wrong("messages are numbered from 1")
	case in.Token == "" || len(in.Token) > mostToken || strings.Trim(in.Token, tokenAlphabet) != "":
		return in, wrong("malformed token")
	}
	return in, nil
}

const (
	mostToken     = 1 << 10
	tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

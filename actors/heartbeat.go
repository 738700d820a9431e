package actors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// Heartbeat says how a silent connection is found: after Idle without any
// inbound frame a beat is sent, and if nothing at all arrives within Timeout
// the connection has failed with [messages.ErrHeartbeatTimeout]. The first
// beat of a socket comes at a random time within Idle, so that thousands of
// connections do not beat in step.
//
// The zero value is a ping frame (RFC 6455, section 5.5.2) after 25 s with
// 10 s for the answer.
type Heartbeat struct {
	// Off sends no beats for idleness. Messages that wait for a confirmation
	// are still asked after by pings, and Timeout still bounds the answer.
	Off bool
	// Idle is the silence after which a beat is sent; 0 is 25 s.
	Idle time.Duration
	// Timeout is how long the answer may take; 0 is 10 s.
	Timeout time.Duration
	// Beat makes an application message of the beat; nil is a ping frame. It
	// is called on the connection's actor and must not block.
	Beat func() messages.Message
	// Reply recognises the peer's application heartbeat and answers it, ahead
	// of everything queued; nil recognises none. What it recognises does not
	// reach the handler. While a Beat of ours waits for its answer, a
	// recognised message is that answer and is not answered in turn. It is
	// called on the connection's reader and must not block.
	Reply func(messages.Message) (messages.Message, bool)
}

const (
	defaultIdle    = 25 * time.Second
	defaultTimeout = 10 * time.Second
)

func (h Heartbeat) validate(name string) error {
	return errors.Join(
		notNegative(name+".Idle", h.Idle),
		notNegative(name+".Timeout", h.Timeout),
	)
}

func (h Heartbeat) withDefaults() Heartbeat {
	h.Idle = orDefault(h.Idle, defaultIdle)
	h.Timeout = orDefault(h.Timeout, defaultTimeout)
	return h
}

// SeedHeartbeat is the heartbeat of the browser wrapper that this library grew
// from: after 60 s of silence the text {"heart":1}, with 60 s for any answer.
// A peer's {"heart":1} is answered at once with the same.
func SeedHeartbeat() Heartbeat {
	return Heartbeat{
		Idle:    time.Minute,
		Timeout: time.Minute,
		Beat:    func() messages.Message { return messages.Text(seedBeat) },
		Reply: func(m messages.Message) (messages.Message, bool) {
			return messages.Text(seedBeat), isSeedBeat(m)
		},
	}
}

const seedBeat = `{"heart":1}`

func isSeedBeat(m messages.Message) bool {
	const longest = 64 // room for white space; longer text is not looked into
	if m.Kind != messages.KindText || len(m.Data) > longest || !bytes.Contains(m.Data, []byte(`"heart"`)) {
		return false
	}
	var beat map[string]json.RawMessage
	return json.Unmarshal(m.Data, &beat) == nil && len(beat) == 1 && string(beat["heart"]) == "1"
}

func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

func notNegative[T int | int64 | time.Duration](name string, v T) error {
	if v < 0 {
		return invalid("%s is negative: %v", name, v)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", messages.ErrInvalid, fmt.Errorf(format, args...))
}

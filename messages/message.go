package messages

import "time"

// Kind says whether a message travels as a text or as a binary frame. The
// values are the opcodes of RFC 6455, section 11.8.
type Kind uint8

const (
	KindText   Kind = 1 // UTF-8 text
	KindBinary Kind = 2
)

// String returns "text" or "binary".
func (k Kind) String() string {
	switch k {
	case KindText:
		return "text"
	case KindBinary:
		return "binary"
	}
	return "invalid"
}

// Guarantee says what becomes of a message whose socket dies.
type Guarantee uint8

const (
	// AtMostOnce messages may be lost once a byte of them has left.
	AtMostOnce Guarantee = iota
	// AtLeastOnce messages are kept until the peer has confirmed them, and
	// written again to a later socket otherwise. A connection that speaks
	// tether.v1 takes every message for one.
	AtLeastOnce
)

// String returns "at-most-once" or "at-least-once".
func (g Guarantee) String() string {
	switch g {
	case AtMostOnce:
		return "at-most-once"
	case AtLeastOnce:
		return "at-least-once"
	}
	return "invalid"
}

// Message is one data message, in either direction.
type Message struct {
	// Kind is required: KindText or KindBinary.
	Kind Kind
	// Data is the payload. It is not copied: it must not change after sending.
	Data []byte
	// TTL is how long the message may wait, counted from its admission. Zero
	// is the outbox's TTL (by default none); negative is an error.
	TTL time.Duration
	// Key, if not empty, makes the newest win: a newer message with the same
	// key replaces one that waits, and queues at the end.
	Key string
	// Guarantee is AtMostOnce unless set.
	Guarantee Guarantee
	// Incarnation, if not 0, ties the message to that socket of its
	// connection: it is never written to a later one.
	Incarnation uint64
}

// Text returns a text message.
func Text(s string) Message { return Message{Kind: KindText, Data: []byte(s)} }

// Binary returns a binary message that takes over b.
func Binary(b []byte) Message { return Message{Kind: KindBinary, Data: b} }

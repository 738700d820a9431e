package actors

import (
	"time"

	"github.com/tetherws/tether/messages"
)

// Resumption is the subprotocol by which a client comes back under its ID:
// see the package's documentation.
const Resumption = "tether.v1"

// CloseTakenOver is the code that a socket of [Resumption] is closed with when
// a newer one takes its place. Its client must not return by itself: the two
// would take the connection from each other for ever.
const CloseTakenOver = 4500

// resumption is what a connection that speaks tether.v1 remembers from one
// socket to the next. The record's lock guards it.
//
// What we write is numbered over all sockets: the k-th message of a socket has
// the number before+k. A number that the peer did not get is given again.
type resumption struct {
	before    uint64 // the number of the last message before the present or last socket's first
	written   uint64 // messages that the last socket was given; set once it is lost
	confirmed uint64 // the highest number that a pong has confirmed, and at least before
	received  uint64 // the number of the peer's last message that we have taken

	// Of an accepted connection.
	window time.Duration // for how long it waits for its client
	owner  string
	tokens tokens
	turn   chan struct{} // of capacity 1: held by the one socket that may come back now
	proven chan struct{} // closed once the client has the newest token; nil: nobody waits for that

	// Of a dialed one.
	token string // of the last welcome; "": none yet
}

// ponged notes that the peer has taken so many messages of the present socket,
// and with them the welcome.
func (s *resumption) ponged(messages uint64) {
	s.confirmed = max(s.confirmed, s.before+messages)
	s.tokens.confirm()
	if s.proven != nil {
		close(s.proven)
		s.proven = nil
	}
}

// resumable returns s for a connection whose peer may come back: it counts
// data frames, so none may be a heartbeat.
func (s settings) resumable() *settings {
	s.heartbeat.Beat, s.heartbeat.Reply = nil, nil
	return &s
}

// renumber has the next socket count on from number n, once the peer has said
// how many of the last one it has taken. The record's lock is held; there is no socket.
func (r *record) renumber(taken, n uint64) {
	s := r.resume
	r.outbox.taken(r, taken)
	s.before, s.confirmed, s.written = n, n, 0
}

// taken counts a message of the peer's that the handler will get, or would if
// there were one. mu is held.
func (r *record) taken() {
	if r.resume != nil {
		r.resume.received++
	}
}

// welcome is the first message to the client on each socket.
type welcome struct {
	Tether   string      `json:"tether"`
	ID       messages.ID `json:"id"`
	Token    string      `json:"token"`
	Resumed  bool        `json:"resumed"`
	Next     uint64      `json:"next"`
	Received uint64      `json:"received"`
}

const version = "v1" // of tether.v1, in a welcome

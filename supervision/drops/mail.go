package drops

import (
	"time"

	"github.com/tetherws/tether/messages"
)

// mail is what an invariant knows of a connection's messages, for as long as
// they may arrive or end.
type mail struct {
	letters  []letter // by number
	gone     uint64   // the numbers up to it are forgotten
	readings map[int]*reading
}

// letter is one message.
type letter struct {
	messages.Message // without its Data
	sent             time.Duration
	admitted         bool
	arrived          bool
	outcome          messages.Outcome // 0: none yet
	ended            time.Duration    // when it had its outcome
	drops            int              // of the connection before it was sent
	older            uint64           // the message with its key before it; 0: none
}

// reading is a socket that the server still reads.
type reading struct {
	accepted time.Duration
	last     uint64 // the highest number that has arrived
}

// find returns the letter of that number; nil if it is forgotten, or not sent.
func (m *mail) find(number uint64) *letter {
	if number <= m.gone || number > m.gone+uint64(len(m.letters)) {
		return nil
	}
	return &m.letters[number-m.gone-1]
}

func (m *mail) send(at time.Duration, o Sent) *letter {
	for m.gone+uint64(len(m.letters)) < o.Number {
		m.letters = append(m.letters, letter{})
	}
	l := m.find(o.Number)
	if l == nil {
		return &letter{}
	}
	*l = letter{Message: o.Message, sent: at}
	l.Data = nil
	return l
}

// answer takes note of what Send returned. It gives back the letter that was
// refused.
func (m *mail) answer(o Admitted) (refused letter, ok bool) {
	l := m.find(o.Number)
	switch {
	case l == nil:
	case o.Err == nil:
		l.admitted = true
	case o.Number == m.gone+uint64(len(m.letters)):
		refused = *l
		m.letters = m.letters[:len(m.letters)-1]
		return refused, true
	}
	return letter{}, false
}

func (m *mail) accept(at time.Duration, socket int) { m.reading(socket).accepted = at }

func (m *mail) reading(socket int) *reading {
	if m.readings == nil {
		m.readings = make(map[int]*reading)
	}
	r := m.readings[socket]
	if r == nil {
		r = &reading{}
		m.readings[socket] = r
	}
	return r
}

// read takes note of an arrival, and returns the highest number before it on
// its socket.
func (m *mail) read(o Arrived) (before uint64) {
	r := m.reading(o.Socket)
	before = r.last
	r.last = max(r.last, o.Number)
	return before
}

func (m *mail) unread(socket int) { delete(m.readings, socket) }

// forget forgets the next letter that had ended before now and that no socket
// can bring any more.
func (m *mail) forget(now time.Duration) (number uint64, l letter, ok bool) {
	if len(m.letters) == 0 || m.letters[0].outcome == 0 || m.awaits(m.gone+1, m.letters[0].ended, now) {
		return 0, letter{}, false
	}
	l = m.letters[0]
	m.letters = m.letters[1:]
	m.gone++
	return m.gone, l, true
}

// awaits reports whether a letter that has ended may still arrive: by a socket
// that was there before, and that has not brought a later one. One that was
// accepted at the same instant may not have been seen yet.
func (m *mail) awaits(number uint64, ended, now time.Duration) bool {
	if ended == now {
		return true
	}
	for _, r := range m.readings {
		if r.last < number && r.accepted <= ended {
			return true
		}
	}
	return false
}

package actors

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// sender writes a socket's frames. Those of a batch are gathered and written
// at once where they fit; the deadline is set once for all of them. It is the
// actor's alone.
type sender struct {
	out   net.Conn
	masks bool  // it is a client's (RFC 6455, section 5.3)
	bits  uint8 // of the window to compress with; 0: none was agreed to
	vague bool  // what out says of a failed write is too little

	buf   *[]byte // of the batch under way
	given int64   // bytes of all batches so far
	sent  int64   // of those, taken by out
	err   error   // of a write; there is none after it
}

const (
	mostHeld = 64 << 10 // where a batch is written although more is to come
	bulky    = 16 << 10 // a payload that is not worth copying
)

var batches = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

func newSender(out net.Conn, masks bool, bits uint8) sender {
	_, secure := undrilled(out).(*tls.Conn)
	_, streams := undrilled(out).(interface{ CloseWrite() error }) // it is TCP, or minds as TCP does
	return sender{out: out, masks: masks, bits: bits, vague: secure || !streams}
}

// begin opens a batch, to be ended by flush within the timeout.
func (s *sender) begin(timeout time.Duration) {
	_ = s.out.SetWriteDeadline(time.Now().Add(timeout)) // if it fails, so will the write
	s.buf = batches.Get().(*[]byte)
}

// flush ends the batch. It returns how many bytes of all batches may have
// left.
func (s *sender) flush() (sent int64, err error) {
	s.spill()
	if s.vague { // TLS may write on its own, to answer a new key
		_ = s.out.SetWriteDeadline(time.Time{})
	}
	if cap(*s.buf) <= 2*mostHeld {
		batches.Put(s.buf)
	}
	s.buf = nil
	return s.sent, s.err
}

// data adds the frame of e.
func (s *sender) data(e *entry) {
	e.at = s.given
	switch shared := e.broadcast(); {
	case shared != nil && s.bits == mostBits:
		s.frame(byte(e.kind)|bitDeflated, shared.deflatedPayload())
	case shared != nil && !s.masks: // a smaller window is not worth compressing for anew
		s.raw(shared.plainFrame())
	default:
		s.message(byte(e.kind), e.data)
	}
}

// message adds a data frame.
func (s *sender) message(opcode byte, payload []byte) {
	if s.bits != 0 {
		opcode, payload = opcode|bitDeflated, appendDeflated(nil, payload, s.bits)
	}
	s.frame(opcode, payload)
}

// frame adds a frame with the payload.
func (s *sender) frame(first byte, payload []byte) {
	before := len(*s.buf)
	if s.masks {
		*s.buf = appendMasked(*s.buf, first, payload)
		s.added(len(*s.buf) - before)
		return
	}
	*s.buf = appendHeader(*s.buf, first, false, len(payload))
	s.added(len(*s.buf) - before)
	s.raw(payload)
}

// raw adds bytes as they are.
func (s *sender) raw(p []byte) {
	s.given += int64(len(p))
	if len(p) < bulky {
		*s.buf = append(*s.buf, p...)
		return
	}
	s.spill()
	s.write(p)
}

func (s *sender) added(n int) {
	s.given += int64(n)
	if len(*s.buf) >= mostHeld {
		s.spill()
	}
}

// spill writes what was gathered.
func (s *sender) spill() {
	s.write(*s.buf)
	*s.buf = (*s.buf)[:0]
}

func (s *sender) write(p []byte) {
	if len(p) == 0 || s.err != nil {
		return
	}
	var n int
	n, s.err = s.out.Write(p)
	if s.err != nil && s.vague {
		n = len(p)
	}
	s.sent += int64(n)
}

package drops

import "bytes"

// frames follows what an end writes: the text of a handshake, then frames
// (RFC 6455, section 5.2). So a fault knows where it may put a frame of its
// own, and which frames are pongs. A client's frames begin with the answer,
// which it reads.
type frames struct {
	phase  phase
	client bool  // its frames are masked
	within bool  // a message whose last frame has not begun
	blank  uint8 // how much of the text's last "\r\n\r\n" has come
	have   uint8 // bytes in head
	head   [maxHeader]byte
	left   uint64 // of the payload under way; in text, how much of it has come
}

// phase is what the bytes of a stream are.
type phase uint8

const (
	phaseText   phase = iota // of a request, or of the status and headers of its answer
	phaseAsked               // nothing is written until the request is answered
	phaseFrames              // of a WebSocket
	phaseOther               // none of these, as far as we know
)

const (
	request   = "GET "
	switching = "HTTP/1.1 101"
)

// between reports whether the stream is between two frames.
func (f *frames) between() bool {
	return f.phase == phaseFrames && f.have == 0 && f.left == 0
}

// lost reports whether the stream is outside of any handshake or frame.
func (f *frames) lost() bool { return f.phase == phaseAsked || f.phase == phaseOther }

// advance follows what one Write has written. A handshake that comes after
// something else, as behind a proxy or after a refusal, begins a Write.
func (f *frames) advance(b []byte) {
	if f.lost() && (bytes.HasPrefix(b, []byte(request)) || bytes.HasPrefix(b, []byte(switching))) {
		*f = frames{}
	}
	for len(b) > 0 {
		b = b[f.step(b):]
	}
}

// step follows b to the end of the frame, or of the text, that it begins
// with, and returns how much that is.
func (f *frames) step(b []byte) (n int) {
	if f.phase == phaseText {
		return f.text(b)
	}
	if f.lost() {
		*f = frames{phase: phaseOther}
		return len(b)
	}
	for n < len(b) && f.left == 0 {
		f.head[f.have] = b[n]
		f.have++
		n++
		if f.wholeHead() && f.left == 0 {
			return n
		}
	}
	part := int(min(uint64(len(b)-n), f.left))
	f.left -= uint64(part)
	return n + part
}

// hear follows what one Read has read.
func (f *frames) hear(b []byte) {
	if f.phase == phaseAsked {
		f.text(b)
	}
}

// mostText is how long a handshake may be, as in net/http. What goes on for
// longer is none, and is not looked into.
const mostText = 1 << 20

// text follows the text of a handshake up to its blank line.
func (f *frames) text(b []byte) int {
	looked := min(len(b), mostText-int(f.left))
	for i, c := range b[:looked] {
		if int(f.have) < len(f.head) {
			f.head[f.have] = c
			f.have++
		}
		if c != "\r\n\r\n"[f.blank] {
			f.blank = 0
		}
		if c == "\r\n\r\n"[f.blank] {
			f.blank++
		}
		if f.blank == 4 {
			f.judge()
			return i + 1
		}
	}
	if f.left += uint64(looked); f.left == mostText {
		*f = frames{phase: phaseOther}
	}
	return len(b)
}

// judge says what follows the text, by how it began.
func (f *frames) judge() {
	head, asked := f.head[:f.have], f.phase == phaseAsked
	next := frames{phase: phaseOther, client: asked}
	switch {
	case bytes.HasPrefix(head, []byte(switching)):
		next.phase = phaseFrames
	case bytes.HasPrefix(head, []byte(request)):
		next.phase = phaseAsked
	}
	*f = next
}

// wholeHead reports whether head is a whole frame's header, and if so notes
// the payload's length.
func (f *frames) wholeHead() bool {
	if f.have < 2 || int(f.have) < headerSize(f.head[1]) {
		return false
	}
	f.left = payloadLength(f.head[:])
	if f.head[0]&control == 0 {
		f.within = f.head[0]&final == 0
	}
	f.have = 0
	return true
}

package actors

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
)

// receiver reads a socket's frames (RFC 6455, section 5). It is the reader's
// alone. It holds a small buffer for life, and a larger one while data flows.
type receiver struct {
	wire     *wire
	masked   bool // the peer is a client
	deflates bool // compression was agreed to

	unread []byte
	full   bool // the last read left nothing of its buffer free: there may be more
	ahead  *[readAhead]byte
	small  [64]byte

	partial  []byte // the payload so far of a message in fragments
	opcode   byte   // its; 0: none is under way
	deflated bool   // it is
	valid    int    // bytes of it that are known to be UTF-8, if it is text
}

const readAhead = 4 << 10

var aheads = sync.Pool{New: func() any { return new([readAhead]byte) }}

// header is a frame's.
type header struct {
	final, deflated bool
	opcode          byte
	key             uint32 // 0 without a mask
	length          int64
}

const opContinuation = 0

// await blocks until there is something to read. It is apart from the rest so
// that the stack of a goroutine that waits is small.
func (in *receiver) await() error {
	if len(in.unread) > 0 {
		return nil
	}
	return in.fill()
}

// fill reads what there is, at least one byte.
func (in *receiver) fill() error {
	buf := in.small[:]
	switch {
	case in.full && in.ahead == nil:
		in.ahead = aheads.Get().(*[readAhead]byte)
	case !in.full && in.ahead != nil:
		aheads.Put(in.ahead)
		in.ahead = nil
	}
	if in.ahead != nil {
		buf = in.ahead[:]
	}
	n, err := in.wire.Read(buf)
	in.unread, in.full = buf[:n], n == len(buf)
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// next reads a control frame or a whole message, of at most limit bytes once
// it is decompressed.
func (in *receiver) next(limit int64) (opcode byte, payload []byte, err error) {
	for {
		h, err := in.header()
		if err != nil {
			return 0, nil, err
		}
		if h.opcode >= opClose {
			payload, err = in.payload(nil, h)
			return h.opcode, payload, err
		}
		if h.opcode != opContinuation {
			in.opcode, in.deflated = h.opcode, h.deflated
		}
		if h.length > in.most(limit)-int64(len(in.partial)) {
			return 0, nil, tooLong(limit)
		}
		if in.partial, err = in.payload(in.partial, h); err != nil {
			return 0, nil, err
		}
		if h.final {
			return in.message(limit)
		}
	}
}

// most is how long a message may be on the wire. What does not compress gets
// a little longer by it.
func (in *receiver) most(limit int64) int64 {
	if in.deflated {
		return limit + min(limit>>6+1<<10, math.MaxInt64-limit)
	}
	return limit
}

// message ends the one that is under way.
func (in *receiver) message(limit int64) (opcode byte, payload []byte, err error) {
	opcode, payload = in.opcode, in.partial
	valid := in.valid
	in.opcode, in.partial, in.valid = 0, nil, 0
	if in.deflated {
		if payload, err = inflate(payload, limit); err != nil {
			return 0, nil, err
		}
	}
	if opcode == byte(messages.KindText) && !utf8.Valid(payload[valid:]) {
		return 0, nil, errNotUTF8
	}
	return opcode, payload, nil
}

// header reads a frame's header and refuses what must not be.
func (in *receiver) header() (h header, err error) {
	var b [8]byte
	if err := in.read(b[:2]); err != nil {
		return h, err
	}
	h.final, h.opcode = b[0]&bitFinal != 0, b[0]&0xf
	masked, length := b[1]&bitMasked != 0, b[1]&^bitMasked
	h.deflated = b[0]&bitDeflated != 0
	if err := in.check(h, b[0], masked, length); err != nil {
		return h, err
	}
	switch h.length = int64(length); length {
	case len16:
		err = in.read(b[:2])
		h.length = int64(binary.BigEndian.Uint16(b[:]))
	case len64:
		err = in.read(b[:8])
		h.length = int64(binary.BigEndian.Uint64(b[:]))
	}
	if err == nil && h.length < 0 {
		err = violation(websocket.CloseProtocolError, "frame length has its highest bit set")
	}
	if err == nil && masked {
		err = in.read(b[:4])
		h.key = binary.LittleEndian.Uint32(b[:])
	}
	return h, err
}

func (in *receiver) check(h header, first byte, masked bool, length byte) error {
	const reserved = 0x30 // RSV2 and RSV3
	var wrong string
	switch control := h.opcode >= opClose; {
	case first&reserved != 0, h.deflated && (!in.deflates || control || h.opcode == opContinuation):
		wrong = "reserved bits are set"
	case control && (h.opcode > opPong || !h.final || length >= len16):
		wrong = "malformed control frame"
	case !control && h.opcode > byte(messages.KindBinary):
		wrong = "unknown opcode"
	case !control && (h.opcode == opContinuation) == (in.opcode == 0):
		wrong = "fragments out of order"
	case masked != in.masked:
		wrong = "frame is masked by a server, or not by a client"
	default:
		return nil
	}
	return violation(websocket.CloseProtocolError, "%s", wrong)
}

// payload appends a frame's payload to b, whose memory grows with what
// arrives: a header may promise anything.
func (in *receiver) payload(b []byte, h header) ([]byte, error) {
	const most = 16 << 10 // is made at once
	text := h.opcode < opClose && in.opcode == byte(messages.KindText) && !in.deflated
	for start, left := len(b), h.length; left > 0; {
		if len(b) == cap(b) { // by a part of what it is, so that small fragments are not copied over and over
			b = slices.Grow(b, int(min(left, int64(max(most, len(b))))))
		}
		part := b[len(b):min(int64(cap(b)), int64(len(b))+left)]
		n, err := in.some(part)
		if err != nil {
			return nil, err
		}
		if h.key != 0 {
			mask(part[:n], rotated(h.key, len(b)-start))
		}
		b, left = b[:len(b)+n], left-int64(n)
		if text && !in.isText(b) {
			return nil, errNotUTF8
		}
	}
	return b, nil
}

var errNotUTF8 = violation(websocket.CloseInvalidFramePayloadData, "text is not UTF-8")

// isText reports whether b, the message so far, may become UTF-8 by what
// follows. So bad text is refused where it is bad, whatever its length.
func (in *receiver) isText(b []byte) bool {
	end := len(b)
	for i := len(b) - 1; i >= max(in.valid, len(b)-utf8.UTFMax); i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				end = i
			}
			break
		}
	}
	fine := utf8.Valid(b[in.valid:end])
	in.valid = end
	return fine
}

// rotated is the mask of a payload from offset on.
func rotated(key uint32, offset int) uint32 {
	by := 8 * (offset % 4)
	return key>>by | key<<(32-by)
}

// read fills p.
func (in *receiver) read(p []byte) error {
	for len(p) > 0 {
		n, err := in.some(p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// some reads what there is into p, at least one byte.
func (in *receiver) some(p []byte) (n int, err error) {
	if len(in.unread) == 0 && len(p) >= readAhead { // straight to where it belongs
		n, err = io.ReadAtLeast(in.wire, p, 1)
		return n, unexpected(err)
	}
	if err := in.await(); err != nil {
		return 0, unexpected(err)
	}
	n = copy(p, in.unread)
	in.unread = in.unread[n:]
	return n, nil
}

// unexpected names an end in the middle of a frame.
func unexpected(err error) error {
	if err == io.EOF { //nolint:errorlint // a Reader returns it bare
		return io.ErrUnexpectedEOF
	}
	return err
}

func tooLong(limit int64) error {
	return violation(websocket.CloseMessageTooBig, "message is longer than %d bytes", limit)
}

func violation(code int, format string, args ...any) error {
	return &messages.ProtocolError{Code: code, Err: fmt.Errorf(format, args...)}
}

// parseClose says what a close frame means (RFC 6455, section 5.5.1).
func parseClose(payload []byte) error {
	if len(payload) == 0 {
		return &messages.PeerCloseError{Code: websocket.CloseNoStatusReceived}
	}
	if len(payload) == 1 {
		return violation(websocket.CloseProtocolError, "close frame with half a code")
	}
	code, reason := int(binary.BigEndian.Uint16(payload)), payload[2:]
	switch {
	case !sendable(code):
		return violation(websocket.CloseProtocolError, "close code %d is reserved", code)
	case !utf8.Valid(reason):
		return violation(websocket.CloseInvalidFramePayloadData, "close reason is not UTF-8")
	}
	return &messages.PeerCloseError{Code: code, Reason: string(reason)}
}

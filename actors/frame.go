package actors

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"

	"github.com/tetherws/tether/messages"
)

// The opcodes of RFC 6455, section 11.8, that are not a message's Kind.
const (
	opClose = 8
	opPing  = 9
	opPong  = 10
)

const (
	bitFinal    = 1 << 7 // of the first byte
	bitDeflated = 1 << 6 // of the first byte (RFC 7692, section 6)
	bitMasked   = 1 << 7 // of the second byte

	len16, len64 = 126, 127 // say that the length follows in so many bits
)

// appendHeader appends the header of an unfragmented frame (RFC 6455, section
// 5.2), without the mask.
func appendHeader(b []byte, first byte, masked bool, length int) []byte {
	var second byte
	if masked {
		second = bitMasked
	}
	b = append(b, first|bitFinal)
	switch {
	case length < len16:
		return append(b, second|byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, second|len16), uint16(length))
	}
	return binary.BigEndian.AppendUint64(append(b, second|len64), uint64(length))
}

// appendMasked appends a client's frame. The mask is fresh, from a generator
// that cannot be predicted (RFC 6455, section 10.3).
func appendMasked(b []byte, first byte, payload []byte) []byte {
	b = appendHeader(b, first, true, len(payload))
	key := rand.Uint32()
	b = binary.LittleEndian.AppendUint32(b, key)
	start := len(b)
	b = append(b, payload...)
	mask(b[start:], key)
	return b
}

func mask(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 32 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		binary.LittleEndian.PutUint64(b[8:], binary.LittleEndian.Uint64(b[8:])^wide)
		binary.LittleEndian.PutUint64(b[16:], binary.LittleEndian.Uint64(b[16:])^wide)
		binary.LittleEndian.PutUint64(b[24:], binary.LittleEndian.Uint64(b[24:])^wide)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(key >> (8 * (i % 4)))
	}
}

// broadcast is a message on its way to many, encoded once for all of them:
// the frame for accepted connections, the payload for dialed ones, which mask
// it each.
type broadcast struct {
	msg messages.Message

	onceFrame    sync.Once
	frame        []byte
	onceDeflated sync.Once
	deflated     []byte
}

// plainFrame is the unmasked frame without compression.
func (b *broadcast) plainFrame() []byte {
	b.onceFrame.Do(func() {
		b.frame = appendHeader(make([]byte, 0, 10+len(b.msg.Data)), byte(b.msg.Kind), false, len(b.msg.Data))
		b.frame = append(b.frame, b.msg.Data...)
	})
	return b.frame
}

// deflatedPayload is the payload for those who agreed to compression with the
// greatest window.
func (b *broadcast) deflatedPayload() []byte {
	b.onceDeflated.Do(func() { b.deflated = appendDeflated(nil, b.msg.Data, mostBits) })
	return b.deflated
}

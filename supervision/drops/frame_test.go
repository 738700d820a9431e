package drops_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

const (
	textOp, binaryOp, pingOp, pongOp = 0x1, 0x2, 0x9, 0xA
	finBit, controlBit               = 0x80, 0x08
)

// wireFrame is a frame of RFC 6455, read and written without the package that
// is under test.
type wireFrame struct {
	first   byte
	masked  bool
	payload string
}

func (f wireFrame) String() string {
	return fmt.Sprintf("frame %#x, masked: %v, %d bytes %.40q", f.first, f.masked, len(f.payload), f.payload)
}

func readFrame(r io.Reader) (f wireFrame, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return f, err
	}
	f.first, f.masked = head[0], head[1]&0x80 != 0
	length := uint64(head[1] & 0x7f)
	switch length {
	case 126:
		b := make([]byte, 2)
		_, err = io.ReadFull(r, b)
		length = uint64(binary.BigEndian.Uint16(b))
	case 127:
		b := make([]byte, 8)
		_, err = io.ReadFull(r, b)
		length = binary.BigEndian.Uint64(b)
	}
	if err != nil || length > huge {
		return f, fmt.Errorf("length %d, %w", length, errors.Join(err, io.ErrUnexpectedEOF))
	}
	var key [4]byte
	if f.masked {
		_, _ = io.ReadFull(r, key[:])
	}
	payload := make([]byte, length)
	_, err = io.ReadFull(r, payload)
	for i := range payload {
		payload[i] ^= key[i%4]
	}
	f.payload = string(payload)
	return f, err
}

func (f wireFrame) encode() string {
	b, mask := []byte{f.first}, byte(0)
	if f.masked {
		mask = 0x80
	}
	switch n := len(f.payload); {
	case n < 126:
		b = append(b, mask|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
	}
	if !f.masked {
		return string(append(b, f.payload...))
	}
	key := []byte{0x11, 0x22, 0x44, 0x88}
	b = append(b, key...)
	for i := range len(f.payload) {
		b = append(b, f.payload[i]^key[i%4])
	}
	return string(b)
}

// wantFrames reads so many frames, and they must be these.
func wantFrames(t *testing.T, c net.Conn, want ...wireFrame) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(generous))
	defer c.SetReadDeadline(time.Time{})
	for i, w := range want {
		got, err := readFrame(c)
		if err != nil || got != w {
			t.Fatalf("frame %d: %v, %v; want %v", i, got, err, w)
		}
	}
}

// bothEnds are both directions of a pair in which a handshake has passed.
func bothEnds(p pair) map[string]direction {
	return map[string]direction{
		"client": {p.dialed, p.accepted, true},
		"server": {p.accepted, p.dialed, false},
	}
}

type direction struct {
	from, to *drops.Conn
	masked   bool
}

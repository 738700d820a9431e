package drops

import (
	"encoding/binary"

	"github.com/gorilla/websocket"
)

// meter counts the frames of one direction while they pass. It reads along
// and keeps nothing but a header; what is no frame leaves it lost, and from
// then on it counts bytes alone.
type meter struct {
	header [maxHeader]byte
	got    int    // of the header
	length uint64 // of the payload
	passed uint64 // of the payload
	code   [statusBytes]byte
	lost   bool
}

const opcodeBits = 0x0f

// read adds b to t. Of the first close frame that ends in b it returns the
// code.
func (m *meter) read(b []byte, t *ProxyTraffic) (code int, closing bool) {
	t.Bytes += uint64(len(b))
	for len(b) > 0 && !m.lost {
		b = m.step(b)
		if m.got != m.size() || m.passed != m.length || m.lost {
			continue
		}
		if m.opcode() == websocket.CloseMessage && !closing {
			code, closing = m.status(), true
		}
		m.tell(t)
		*m = meter{}
	}
	return code, closing
}

// step takes in what b has of the header or of the payload.
func (m *meter) step(b []byte) []byte {
	if m.got == m.size() {
		return m.payload(b)
	}
	n := copy(m.header[m.got:m.size()], b)
	m.got += n
	if m.got == m.size() { // which the first two bytes may have moved on
		m.open()
	}
	return b[n:]
}

// size is that of the header, as far as it is known.
func (m *meter) size() int {
	if m.got < 2 {
		return 2
	}
	return headerSize(m.header[1])
}

// open is the end of the header.
func (m *meter) open() {
	m.length = payloadLength(m.header[:])
	m.lost = m.opcode() >= websocket.CloseMessage && m.length > maxPayload
}

func (m *meter) opcode() int { return int(m.header[0] & opcodeBits) }

func (m *meter) payload(b []byte) []byte {
	n := min(uint64(len(b)), m.length-m.passed)
	if m.passed < statusBytes {
		copy(m.code[m.passed:], b[:n])
	}
	m.passed += n
	return b[n:]
}

// tell counts a frame that is over: a message with its last one.
func (m *meter) tell(t *ProxyTraffic) {
	switch m.opcode() {
	case opContinuation, websocket.TextMessage, websocket.BinaryMessage:
		if m.header[0]&final != 0 {
			t.Messages++
		}
	case websocket.CloseMessage:
		t.CloseCodes[m.status()]++
	case websocket.PingMessage:
		t.Pings++
	case websocket.PongMessage:
		t.Pongs++
	}
}

// status is the code of a close frame; 1005 for none, 0 for half a one.
func (m *meter) status() int {
	switch m.length {
	case 0:
		return websocket.CloseNoStatusReceived
	case 1:
		return 0
	}
	code := m.code
	if m.header[1]&masked != 0 {
		key := m.header[m.size()-keyBytes:]
		code[0] ^= key[0]
		code[1] ^= key[1]
	}
	return int(binary.BigEndian.Uint16(code[:]))
}

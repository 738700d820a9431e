package drops

import "encoding/binary"

const (
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
	opPong   = 0xA

	final   = 0x80
	control = 0x08 // the opcodes that have it are of control frames
	masked  = 0x80
	len16   = 126
	len64   = 127

	maskingKey = "\x37\xfa\x21\x3d"
)

// frame encodes a frame as a client, or a server, does (RFC 6455, section
// 5.2).
func frame(first byte, payload []byte, client bool) []byte {
	if !client {
		return append(header(first, len(payload), 0), payload...)
	}
	b := append(header(first, len(payload), masked), maskingKey...)
	for i, p := range payload {
		b = append(b, p^maskingKey[i%len(maskingKey)])
	}
	return b
}

// header encodes a frame's header, without the masking key.
func header(first byte, length int, mask byte) []byte {
	switch {
	case length < len16:
		return []byte{first, mask | byte(length)}
	case length < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{first, mask | len16}, uint16(length))
	}
	return binary.BigEndian.AppendUint64([]byte{first, mask | len64}, uint64(length))
}

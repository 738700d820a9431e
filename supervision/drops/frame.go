package drops

import "encoding/binary"

const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPong         = 0xA

	final   = 0x80
	control = 0x08 // the opcodes that have it are of control frames
	masked  = 0x80
	len16   = 126
	len64   = 127

	maxHeader = 14 // bytes
	keyBytes  = 4

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

// headerSize is how long a frame's header is whose second byte this is, with
// the masking key.
func headerSize(second byte) int {
	size := 2
	switch second &^ masked {
	case len16:
		size += 2
	case len64:
		size += 8
	}
	if second&masked != 0 {
		size += keyBytes
	}
	return size
}

// payloadLength is what a whole header says.
func payloadLength(head []byte) uint64 {
	switch short := head[1] &^ masked; short {
	case len16:
		return uint64(binary.BigEndian.Uint16(head[2:]))
	case len64:
		return binary.BigEndian.Uint64(head[2:])
	default:
		return uint64(short)
	}
}

package gateway_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// conformPeer is the other end of a connection of ours: it writes any bytes it
// likes, and frames by its own code alone.
type conformPeer struct {
	net.Conn
	t      *testing.T
	in     *bufio.Reader
	masks  bool   // it is the client
	answer string // the Sec-WebSocket-Extensions of the server's answer
	late   bool   // it goes on after its close frame, and so may be reset after ours
}

// The bits of a frame's first byte, and the first bytes of unfragmented frames.
const (
	conformFin, conformRSV1                      = 0x80, 0x40
	conformMore, conformText, conformBinary      = 0, 1, 2
	conformClose, conformPing, conformPong       = 8, 9, 10
	finMore, finText, finBinary             byte = 0x80, 0x81, 0x82
	finClose, finPing, finPong              byte = 0x88, 0x89, 0x8a
)

const (
	conformOffer    = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	conformKey      = "dGhlIHNhbXBsZSBub25jZQ=="
	conformGUID     = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	conformPatience = 30 * time.Second
)

// frame encodes one frame.
func (p *conformPeer) frame(first byte, payload string) []byte {
	return conformFrame(first, payload, p.masks)
}

func conformFrame(first byte, payload string, masked bool) []byte {
	b := conformHeader(first, uint64(len(payload)), masked)
	at := len(b)
	b = append(b, payload...)
	if masked {
		conformMask(b[at:], b[at-4:at])
	}
	return b
}

// conformMask masks b, or unmasks it, without the race detector's looking at
// each byte.
func conformMask(b, key []byte) {
	keys := bytes.Repeat(key, 1<<10)
	for part := range slices.Chunk(b, len(keys)) {
		subtle.XORBytes(part, part, keys)
	}
}

// conformHeader is a frame's, of any length, in its shortest form.
func conformHeader(first byte, length uint64, masked bool) []byte {
	b := []byte{first, 0}
	switch {
	case length < 126:
		b[1] = byte(length)
	case length < 1<<16:
		b = binary.BigEndian.AppendUint16([]byte{first, 126}, uint16(length))
	default:
		b = binary.BigEndian.AppendUint64([]byte{first, 127}, length)
	}
	if masked {
		b[1] |= 0x80
		b = append(b, 0x5a, 0xa5, 0x01, 0xfe)
	}
	return b
}

func conformClosing(code int, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
}

// speak writes the stream in pieces of so many bytes, 0 for one piece, until
// the other end takes no more.
func (p *conformPeer) speak(stream []byte, piece int) {
	if piece == 0 {
		piece = len(stream)
	}
	for part := range slices.Chunk(stream, max(1, piece)) {
		if _, err := p.Write(part); err != nil {
			return
		}
	}
}

// hear reads to the end of the connection. What it heard is in words, such as
// "text abc", "pong x", "close 1000" and "end"; our own pings are left out.
func (p *conformPeer) hear() []string { return p.hearFirst(math.MaxInt) }

// hearFirst is hear, for so many frames.
func (p *conformPeer) hearFirst(most int) (heard []string) {
	for len(heard) < most {
		first, payload, err := p.next()
		switch {
		case errors.Is(err, io.EOF), p.late && errors.Is(err, syscall.ECONNRESET):
			return append(heard, "end")
		case err != nil:
			return append(heard, err.Error())
		case first != finPing:
			heard = append(heard, p.words(first, payload))
		}
	}
	return heard
}

// next reads one frame.
func (p *conformPeer) next() (first byte, payload []byte, err error) {
	var b [8]byte
	if _, err := io.ReadFull(p.in, b[:2]); err != nil {
		return 0, nil, err
	}
	first, masked, length := b[0], b[1]&0x80 != 0, uint64(b[1]&0x7f)
	if masked == p.masks {
		return 0, nil, fmt.Errorf("frame %#x is masked: %v", first, masked)
	}
	switch length {
	case 126:
		_, err = io.ReadFull(p.in, b[:2])
		length = uint64(binary.BigEndian.Uint16(b[:2]))
	case 127:
		_, err = io.ReadFull(p.in, b[:8])
		length = binary.BigEndian.Uint64(b[:])
	}
	var mask [4]byte
	if masked && err == nil {
		_, err = io.ReadFull(p.in, mask[:])
	}
	if err != nil || length > 64<<20 {
		return 0, nil, fmt.Errorf("frame %#x of %d bytes is torn", first, length)
	}
	payload = make([]byte, length)
	if _, err := io.ReadFull(p.in, payload); err != nil {
		return 0, nil, fmt.Errorf("payload of %d bytes is torn", length)
	}
	conformMask(payload, mask[:])
	return first, payload, nil
}

// words names a frame. A compressed one is decompressed, if that was agreed to.
func (p *conformPeer) words(first byte, payload []byte) string {
	if p.answer != "" && first&conformRSV1 != 0 {
		first, payload = first&^conformRSV1, conformInflated(payload)
	}
	if first != finClose {
		return conformWords(first, string(payload))
	}
	if len(payload) < 2 {
		return fmt.Sprintf("close %q", payload)
	}
	return fmt.Sprint("close ", binary.BigEndian.Uint16(payload))
}

// conformWords names an unfragmented frame. Of a long payload it gives the
// length and a checksum.
func conformWords(first byte, payload string) string {
	name, ok := map[byte]string{finText: "text ", finBinary: "binary ", finPong: "pong "}[first]
	if !ok {
		name = fmt.Sprintf("%#x ", first)
	}
	if len(payload) > 300 {
		return fmt.Sprintf("%s(%d bytes, %08x)", name, len(payload), crc32.ChecksumIEEE([]byte(payload)))
	}
	return name + payload
}

func conformDeflated(data string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(w, data)
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

func conformInflated(data []byte) []byte {
	tail := strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")
	out, err := io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(data), tail)))
	if err != nil {
		return []byte("no deflate data: " + err.Error())
	}
	return out
}

// conformRequest is the handshake of a client that does all right, with the
// header lines in place of its own of the same name; a line that is only a name
// leaves it out.
func conformRequest(lines ...string) string {
	all := []string{
		"Host: conform", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + conformKey,
	}
	for _, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		all = slices.DeleteFunc(all, func(old string) bool {
			return strings.HasPrefix(strings.ToLower(old), strings.ToLower(name)+":")
		})
	}
	for _, line := range lines {
		if strings.Contains(line, ":") {
			all = append(all, line)
		}
	}
	return "GET / HTTP/1.1\r\n" + strings.Join(all, "\r\n") + "\r\n\r\n"
}

// ask makes a handshake as a client and returns the answer.
func (p *conformPeer) ask(request string) (status int, header http.Header) {
	p.t.Helper()
	if _, err := io.WriteString(p, request); err != nil {
		p.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(p.in, &http.Request{Method: method})
	if err != nil {
		p.t.Fatal(err)
	}
	_ = resp.Body.Close()
	p.answer = resp.Header.Get("Sec-WebSocket-Extensions")
	return resp.StatusCode, resp.Header
}

// agree answers a handshake as a server, with these header lines beside those
// that have to be.
func (p *conformPeer) agree(lines ...string) {
	p.t.Helper()
	req, err := http.ReadRequest(p.in)
	if err != nil {
		p.t.Fatal(err)
	}
	lines = append([]string{
		"HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Accept: " + conformAccept(req.Header.Get("Sec-WebSocket-Key")),
	}, lines...)
	if _, err := io.WriteString(p, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		p.t.Fatal(err)
	}
}

func conformAccept(key string) string {
	sum := sha1.Sum([]byte(key + conformGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

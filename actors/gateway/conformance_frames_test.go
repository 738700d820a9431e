package gateway_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestConformanceOfFraming(t *testing.T) {
	cases := []conformCase{
		{"5.2", "a length in more bytes than it needs", func(p *conformPeer) []byte {
			return conformLongWinded(p, "hi")
		}, []string{"text hi"}},
		{"5.2", "a length with its highest bit", conformPromise(finBinary, 1<<63), []string{"close 1002"}},
		{"5.2", "the longest length", conformPromise(finBinary, 1<<64-1), []string{"close 1002"}},
		{"5.1", "the mask of the other side", conformMisMasked(finText, "hi"), []string{"close 1002"}},
		{"5.1", "an empty message with the mask of the other side", conformMisMasked(finText, ""), []string{"close 1002"}},
		{"5.1", "a ping with the mask of the other side", conformMisMasked(finPing, ""), []string{"close 1002"}},
		{"5.1", "a close frame with the mask of the other side", conformMisMasked(finClose, ""), []string{"close 1002"}},
	}
	for _, n := range []int{0, 1, 125, 126, 127, 128, 1000, 65535, 65536, 1 << 20} {
		cases = append(cases,
			conformCase{"5.6", fmt.Sprintf("text of %d bytes", n), said(finText, conformFill(n)), []string{conformWords(finText, conformFill(n))}},
			conformCase{"5.6", fmt.Sprintf("binary of %d bytes", n), said(finBinary, conformBytes(n)), []string{conformWords(finBinary, conformBytes(n))}},
		)
	}
	conform(t, false, cases)
}

func TestConformanceOfManyMessages(t *testing.T) {
	var parts []any
	var want []string
	for i := range 1000 {
		parts = append(parts, finText, fmt.Sprint(i))
		want = append(want, fmt.Sprint("text ", i))
	}
	conform(t, false, []conformCase{{"5.6", "a thousand messages", said(parts...), want}})
}

func TestConformanceOfPings(t *testing.T) {
	var ten []any
	var pongs []string
	for i := range 10 {
		ten = append(ten, finPing, fmt.Sprint("payload ", i))
		pongs = append(pongs, fmt.Sprint("pong payload ", i))
	}
	cases := []conformCase{
		{"5.5.2", "ten pings", said(ten...), pongs},
		{"5.5.2", "a ping of 126 bytes", said(finPing, conformFill(126)), []string{"close 1002"}},
		{"5.5.2", "a ping of 65536 bytes", said(finPing, conformFill(1<<16)), []string{"close 1002"}},
		{"5.5.2", "a ping between messages", said(finText, "a", finPing, "?", finText, "b"), []string{"text a", "pong ?", "text b"}},
		{"5.5.3", "a pong that nobody asked for", said(finPong, ""), nil},
		{"5.5.3", "a pong with a payload that nobody asked for", said(finPong, "so", finText, "x"), []string{"text x"}},
		{"5.5.3", "ten pongs and a ping", said(finPong, "1", finPong, "2", finPing, "3", finPong, "4"), []string{"pong 3"}},
		{"5.5.3", "a pong of 126 bytes", said(finPong, conformFill(126)), []string{"close 1002"}},
	}
	for _, payload := range []string{"", "?", "\x00\xff\xfe", conformBytes(124), conformBytes(125)} {
		cases = append(cases, conformCase{"5.5.2", fmt.Sprintf("a ping of %d bytes", len(payload)), said(finPing, payload), []string{"pong " + payload}})
	}
	conform(t, false, cases)
}

func TestConformanceOfReservedBits(t *testing.T) {
	var cases []conformCase
	for bits := 1; bits < 8; bits++ {
		for first, name := range map[byte]string{finText: "text", finBinary: "binary", finPing: "ping", finPong: "pong", finClose: "close"} {
			cases = append(cases, conformCase{
				"5.2", fmt.Sprintf("%s with reserved bits %03b", name, bits), said(finText, "before", first|byte(bits<<4), ""), []string{"text before", "close 1002"},
			})
		}
		cases = append(cases, conformCase{
			"5.2", fmt.Sprintf("a continuation with reserved bits %03b", bits), said(conformText, "a", finMore|byte(bits<<4), "b"), []string{"close 1002"},
		})
	}
	conform(t, false, cases)
}

func TestConformanceOfOpcodes(t *testing.T) {
	var cases []conformCase
	for _, opcode := range []int{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		first := byte(conformFin | opcode)
		cases = append(cases,
			conformCase{"5.2", fmt.Sprint("opcode ", opcode), said(finText, "before", first, "", finPing, "late"), []string{"text before", "close 1002"}},
			conformCase{"5.2", fmt.Sprintf("opcode %d with a payload", opcode), said(first, "payload"), []string{"close 1002"}},
			conformCase{"5.4", fmt.Sprintf("opcode %d inside a message", opcode), said(conformText, "a", first, "b", finMore, "c"), []string{"close 1002"}},
		)
	}
	conform(t, false, cases)
}

func TestConformanceOfFragments(t *testing.T) {
	conform(t, false, []conformCase{
		{"5.4", "two fragments", said(conformText, "a", finMore, "b"), []string{"text ab"}},
		{"5.4", "binary fragments", said(conformBinary, "\xff", finMore, "\xfe"), []string{"binary \xff\xfe"}},
		{"5.4", "empty fragments", said(conformText, "", conformMore, "", finMore, ""), []string{"text "}},
		{"5.4", "empty fragments about one that is not", said(conformText, "", conformMore, "x", finMore, ""), []string{"text x"}},
		{"5.4", "a thousand fragments", conformInFragments(finBinary, conformBytes(1000), 1), []string{conformWords(finBinary, conformBytes(1000))}},
		{"5.4", "fragments of 64 bytes of 256 KiB", conformInFragments(finText, conformFill(256<<10), 64), []string{conformWords(finText, conformFill(256<<10))}},
		{"5.4", "fragments of 1 MiB in all", conformInFragments(finBinary, conformBytes(1<<20), 1<<16), []string{conformWords(finBinary, conformBytes(1<<20))}},
		{"5.4", "a ping between fragments", said(conformText, "a", finPing, "?", finMore, "b"), []string{"pong ?", "text ab"}},
		{"5.4", "pings between all fragments", said(conformText, "a", finPing, "1", conformMore, "b", finPing, "2", finMore, "c", finPing, "3"), []string{"pong 1", "pong 2", "pong 3", "text abc"}},
		{"5.4", "a pong between fragments", said(conformText, "a", finPong, "", finMore, "b"), []string{"text ab"}},
		{"5.4", "a close frame between fragments", said(conformText, "a", finClose, conformClosing(1000, ""), finMore, "b"), []string{"close 1000"}},
		{"5.4", "a continuation of nothing", said(finMore, "x", finText, "y"), []string{"close 1002"}},
		{"5.4", "an unfinished continuation of nothing", said(conformMore, "x", finText, "y"), []string{"close 1002"}},
		{"5.4", "an empty continuation of nothing", said(finMore, ""), []string{"close 1002"}},
		{"5.4", "a continuation behind a whole message", said(finText, "x", finMore, "y"), []string{"text x", "close 1002"}},
		{"5.4", "a continuation behind the last fragment", said(conformText, "x", finMore, "y", conformMore, "z"), []string{"text xy", "close 1002"}},
		{"5.4", "a message inside a message", said(conformText, "x", finText, "y", finMore, "z"), []string{"close 1002"}},
		{"5.4", "the start of a message inside a message", said(conformBinary, "x", conformBinary, "y"), []string{"close 1002"}},
		{"5.5", "a ping in fragments", said(conformPing, "x", finMore, "y"), []string{"close 1002"}},
		{"5.5", "a pong in fragments", said(conformPong, "x", finMore, "y"), []string{"close 1002"}},
		{"5.5", "a close frame in fragments", said(conformClose, "x", finMore, "y"), []string{"close 1002"}},
		{"5.5", "a ping in fragments inside a message", said(conformText, "a", conformPing, "x"), []string{"close 1002"}},
	})
}

// conformInFragments cuts a message into fragments of so many bytes.
func conformInFragments(first byte, payload string, size int) func(*conformPeer) []byte {
	return func(p *conformPeer) (stream []byte) {
		first, payload := first&^conformFin, payload
		for ; len(payload) > size; payload = payload[size:] {
			stream = append(stream, p.frame(first, payload[:size])...)
			first = first & 0xf0 &^ conformRSV1 // a continuation's
		}
		return append(stream, p.frame(first|conformFin, payload)...)
	}
}

// conformPromise is a header alone.
func conformPromise(first byte, length uint64) func(*conformPeer) []byte {
	return func(p *conformPeer) []byte { return conformHeader(first, length, p.masks) }
}

func conformMisMasked(first byte, payload string) func(*conformPeer) []byte {
	return func(p *conformPeer) []byte { return conformFrame(first, payload, !p.masks) }
}

// conformLongWinded is a frame whose length takes 64 bits, against the rule:
// that a receiver has to refuse it is nowhere said, and it harms nobody.
func conformLongWinded(p *conformPeer, payload string) []byte {
	b := append(conformHeader(finText, 1<<16, p.masks), conformFrame(finText, payload, p.masks)[2:]...)
	if p.masks { // its mask is there twice
		b = append(b[:10], b[14:]...)
	}
	b[7], b[9] = 0, byte(len(payload))
	return b
}

// conformFill is text that compresses, but differs at each offset.
func conformFill(n int) string {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%d bottles, ", i)
	}
	return b.String()[:n]
}

// conformBytes is binary data that does not compress.
func conformBytes(n int) string {
	var b strings.Builder
	for x := uint32(n + 1); b.Len() < n; {
		x = x*1664525 + 1013904223
		b.WriteByte(byte(x >> 24))
	}
	return b.String()
}

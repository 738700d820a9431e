package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
)

func TestConformanceOfClosing(t *testing.T) {
	bye := conformClosing(1000, "")
	cases := []conformCase{
		{"5.5.1", "a close frame behind a message", said(finText, "Hello World!", finClose, bye), []string{"text Hello World!", "close 1000"}},
		{"5.5.1", "a close frame behind 256 KiB", said(finText, conformFill(256<<10), finClose, bye), []string{conformWords(finText, conformFill(256<<10)), "close 1000"}},
		{"5.5.1", "a close frame behind a hundred messages and a ping", func(p *conformPeer) []byte {
			var parts []any
			for i := range 100 {
				parts = append(parts, finText, fmt.Sprint(i))
			}
			return said(append(parts, finPing, "?", finClose, bye)...)(p)
		}, append(conformNumbers(100), "pong ?", "close 1000")},
		{"5.5.1", "two close frames", conformLate(finClose, bye, finClose, conformClosing(1001, "")), []string{"close 1000"}},
		{"5.5.1", "a ping behind a close frame", conformLate(finClose, bye, finPing, "late"), []string{"close 1000"}},
		{"5.5.1", "a message behind a close frame", conformLate(finClose, bye, finText, "late"), []string{"close 1000"}},
		{"5.5.1", "garbage behind a close frame", conformLate(finClose, bye, 0xff, "late"), []string{"close 1000"}},
		{"5.5.1", "a message about a close frame", conformLate(conformText, "a", finClose, bye, finMore, "late"), []string{"close 1000"}},
		{"5.5.1", "no code", said(finClose, ""), []string{`close ""`}},
		{"5.5.1", "half a code", said(finClose, "\x03"), []string{"close 1002"}},
		{"5.5.1", "a reason", said(finClose, conformClosing(1000, "Hello World!")), []string{"close 1000"}},
		{"5.5.1", "the longest reason", said(finClose, conformClosing(1000, conformFill(123))), []string{"close 1000"}},
		{"5.5", "a reason that is too long", said(finClose, conformClosing(1000, conformFill(124))), []string{"close 1002"}},
		{"8.1", "a reason with a code point of four bytes", said(finClose, conformClosing(1000, "😀")), []string{"close 1000"}},
		{"8.1", "a reason that ends in a code point", said(finClose, conformClosing(1000, "\xf0\x9f\x98")), []string{"close 1007"}},
	}
	for _, bad := range conformNoTexts {
		cases = append(cases, conformCase{"8.1", fmt.Sprintf("the reason %+q", bad.bytes), said(finClose, conformClosing(1000, bad.bytes)), []string{"close 1007"}})
	}
	conform(t, false, cases)
}

func TestConformanceOfCloseCodes(t *testing.T) {
	var cases []conformCase
	add := func(want string, codes ...int) {
		for _, code := range codes {
			for _, reason := range []string{"", "because"} {
				answer := strings.ReplaceAll(want, "N", fmt.Sprint(code))
				cases = append(cases, conformCase{
					"7.4", fmt.Sprintf("%d and the reason %q", code, reason), said(finClose, conformClosing(code, reason)), []string{answer},
				})
			}
		}
	}
	add("close N", 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
	add("close 1002", 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 32768, 65535)
	conform(t, false, cases)
}

// conformLate is said, and goes on after a close frame.
func conformLate(parts ...any) func(*conformPeer) []byte {
	return func(p *conformPeer) []byte {
		p.late = true
		return said(parts...)(p)
	}
}

// conformNumbers is the echo of messages that are numbered from 0.
func conformNumbers(n int) (want []string) {
	for i := range n {
		want = append(want, fmt.Sprint("text ", i))
	}
	return want
}

// The handler has a second to answer what came before a close frame, or before
// what had to be refused.
func TestConformanceOfAnswersThatTakeTheirTime(t *testing.T) {
	for takes, heard := range map[time.Duration][]string{
		0:                      {"text slow"},
		900 * time.Millisecond: {"text slow"},
		30 * time.Second:       nil,
	} {
		for side, open := range conformSides {
			t.Run(fmt.Sprint(side, " after ", takes), func(t *testing.T) {
				config := conformConfig()
				config.Handler = actors.OnMessage(func(c actors.Conn, m messages.Message) error {
					time.Sleep(takes)
					return c.Send(messages.Message{Kind: m.Kind, Data: m.Data, Incarnation: c.Incarnation()})
				})
				conformInBubble(t, config, func(w *conformWorld) {
					conformTakesTime(w, open, said(finText, "slow", finClose, conformClosing(1000, "")), min(takes, time.Second), append(heard, "close 1000", "end"))
					conformTakesTime(w, open, said(finText, "slow", finMore, ""), min(takes, time.Second), append(heard, "close 1002", "end"))
				})
			})
		}
	}
}

func conformTakesTime(w *conformWorld, open func(*conformWorld, bool) (*conformPeer, func()), send func(*conformPeer) []byte, want time.Duration, words []string) {
	w.t.Helper()
	p, end := open(w, false)
	defer end()
	start := time.Now()
	p.speak(send(p), 0)
	if heard := p.hear(); !slices.Equal(heard, words) || time.Since(start) != want {
		w.t.Errorf("heard %q within %v, want %q within %v", heard, time.Since(start), words, want)
	}
}

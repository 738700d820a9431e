package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// conformTexts is what Unicode, table 3-7, allows, at its edges.
var conformTexts = []string{
	"\x00", "\x7f", "\u0080", "\u07ff", "\u0800", "\u0fff", "\u1000", "\ucfff", "\ud000", "\ud7ff", "\ue000", "\uffff", "\ufffd", "\ufffe",
	"\U00010000", "\U0003ffff", "\U00040000", "\U000fffff", "\U00100000", "\U0010ffff", "\ufdd0", "\U0001fffe", "\U0010fffe",
	"κόσμε", "Hello-µ@ßöäüàá-UTF-8!!", "a\u0300\u20ac\U0001f600z", "\ufeffbyte order mark",
}

// conformNoTexts is what it does not allow, with how many bytes of it may be
// the beginning of text.
var conformNoTexts = []struct {
	bytes string
	fine  int
}{
	{"\x80", 0}, {"\xbf", 0}, {"\x80\xbf\x80", 0}, // continuations of nothing
	{"\xc0\x80", 0}, {"\xc0\xaf", 0}, {"\xc1\xbf", 0}, {"\xe0\x80\x80", 1}, {"\xe0\x9f\xbf", 1}, {"\xf0\x80\x80\x80", 1}, {"\xf0\x8f\xbf\xbf", 1}, // too long
	{"\xed\xa0\x80", 1}, {"\xed\xbf\xbf", 1}, {"\xed\xa0\x80\xed\xb0\x80", 1}, // surrogates
	{"\xf4\x90\x80\x80", 1}, {"\xf5\x80\x80\x80", 0}, {"\xf7\xbf\xbf\xbf", 0}, // beyond U+10FFFF
	{"\xf8\x88\x80\x80\x80", 0}, {"\xfc\x84\x80\x80\x80\x80", 0}, {"\xfe", 0}, {"\xff", 0}, // of no code point
	{"\xc2 ", 1}, {"\xe2\x82 ", 2}, {"\xf0\x9f\x98 ", 3}, {"\xe2\x28\xa1", 1}, {"\xf0\x28\x8c\xbc", 1}, {"\xf0\x90\x28\xbc", 2}, // cut off
	{"κόσμε\xed\xa0\x80edited", 11},
}

func TestConformanceOfText(t *testing.T) {
	var cases []conformCase
	for _, text := range conformTexts {
		want := []string{"text " + text}
		cases = append(cases,
			conformCase{"8.1", fmt.Sprintf("%+q", text), said(finText, text), want},
			conformCase{"8.1", fmt.Sprintf("%+q in fragments of a byte", text), conformInFragments(finText, text, 1), want})
	}
	for _, bad := range conformNoTexts {
		want := []string{"text before", "close 1007"}
		cases = append(cases,
			conformCase{"8.1", fmt.Sprintf("%+q", bad.bytes), said(finText, "before", finText, bad.bytes), want},
			conformCase{"8.1", fmt.Sprintf("%+q in fragments of a byte", bad.bytes), func(p *conformPeer) []byte {
				return append(p.frame(finText, "before"), conformInFragments(finText, bad.bytes, 1)(p)...)
			}, want})
	}
	for _, begun := range []string{"\xc2", "\xe2", "\xe2\x82", "\xf0", "\xf0\x9f", "\xf0\x9f\x98"} {
		cases = append(cases,
			conformCase{"8.1", fmt.Sprintf("%+q at the end", begun), said(finText, "a"+begun), []string{"close 1007"}},
			conformCase{"8.1", fmt.Sprintf("%+q at the end of the last fragment", begun), said(conformText, "a", finMore, begun), []string{"close 1007"}},
			conformCase{"8.1", fmt.Sprintf("%+q before an empty last fragment", begun), said(conformText, begun, finMore, ""), []string{"close 1007"}},
			conformCase{"5.6", fmt.Sprintf("%+q in binary", begun), said(finBinary, begun), []string{"binary " + begun}},
		)
	}
	conform(t, false, cases)
}

// Text is refused at its first bad byte: its end need not come.
func TestConformanceOfTextThatIsBadBeforeItEnds(t *testing.T) {
	for side, open := range conformSides {
		t.Run(side, func(t *testing.T) {
			conformInBubble(t, conformConfig(), func(w *conformWorld) {
				for _, bad := range conformNoTexts {
					for _, before := range []string{"", strings.Repeat("ä", 5000)} {
						p, end := open(w, false)
						conformFailsFast(w, p, before+bad.bytes[:bad.fine], bad.bytes[bad.fine:bad.fine+1])
						end()
					}
				}
			})
		})
	}
}

// conformFailsFast sends one unfinished frame, the bad byte of its payload last.
func conformFailsFast(w *conformWorld, p *conformPeer, fine, bad string) {
	w.t.Helper()
	const more = 100
	frame := p.frame(finText, fine+bad+strings.Repeat(" ", more))
	head := frame[:len(frame)-more]
	heard := make(chan []string, 1)
	go func() { heard <- p.hear() }()
	p.speak(head[:len(head)-1], 0)
	synctest.Wait()
	select {
	case words := <-heard:
		w.t.Errorf("before %.9q at the end of %d bytes: heard %q", bad, len(fine), words)
		return
	default:
	}
	p.speak(head[len(head)-1:], 0)
	if words := <-heard; !slices.Equal(words, []string{"close 1007", "end"}) {
		w.t.Errorf("at %.9q behind %d bytes: heard %q", bad, len(fine), words)
	}
}

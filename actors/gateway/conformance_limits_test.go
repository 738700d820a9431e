package gateway_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tetherws/tether/actors"
)

const conformLimit = 1 << 20 // bytes, of a message: see conformConfig

func TestConformanceAtTheLimit(t *testing.T) {
	most, more := conformBytes(conformLimit), conformBytes(conformLimit+1)
	whole := []string{conformWords(finBinary, most)}
	conform(t, false, []conformCase{
		{"10.4", "the longest message", said(finBinary, most), whole},
		{"10.4", "the longest message in fragments", conformInFragments(finBinary, most, 1000), whole},
		{"10.4", "a byte more", said(finBinary, more), []string{"close 1009"}},
		{"10.4", "a byte more, in the last fragment", conformInFragments(finBinary, more, conformLimit), []string{"close 1009"}},
		{"10.4", "a byte more, in small fragments", conformInFragments(finText, conformFill(conformLimit+1), 1000), []string{"close 1009"}},
		{"10.4", "a promise of more", conformPromise(finBinary, conformLimit+1), []string{"close 1009"}},
		{"10.4", "a promise of 2^62 bytes", conformPromise(finText, 1<<62), []string{"close 1009"}},
		{"10.4", "a promise of 2^63-1 bytes in a fragment", func(p *conformPeer) []byte {
			return append(p.frame(conformText, "x"), conformHeader(finMore, 1<<63-1, p.masks)...)
		}, []string{"close 1009"}},
	})
}

func TestConformanceAtTheLimitUnderCompression(t *testing.T) {
	zeros := func(n int) string { return string(make([]byte, n)) }
	const z = finBinary | conformRSV1
	conform(t, true, []conformCase{
		{"7.2.2", "the longest message", said(z, conformDeflated(zeros(conformLimit))), []string{conformWords(finBinary, zeros(conformLimit))}},
		{"7.2.2", "the longest that does not compress", said(z, conformDeflated(conformBytes(conformLimit))), []string{conformWords(finBinary, conformBytes(conformLimit))}},
		{"8", "a byte more", said(z, conformDeflated(zeros(conformLimit+1))), []string{"close 1009"}},
		{"8", "a byte more, in fragments", conformInFragments(z, conformDeflated(zeros(conformLimit+1)), 100), []string{"close 1009"}},
		{"8", "a bomb", said(z, conformBomb(256<<20)), []string{"close 1009"}},
	})
}

// A bomb costs a small multiple of the limit, and not what it would become.
func TestConformanceOfTheCostOfABomb(t *testing.T) {
	bomb := conformBomb(512 << 20)
	for side, open := range conformSides {
		t.Run(side, func(t *testing.T) {
			conformOnTCP(t, conformConfig(), func(w *conformWorld) {
				p, end := open(w, true)
				defer end()
				frame := p.frame(finText|conformRSV1, bomb)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				go p.speak(frame, 0)
				if heard := p.hear(); !slices.Equal(heard, []string{"close 1009", "end"}) {
					t.Errorf("heard %q", heard)
				}
				runtime.ReadMemStats(&after)
				if cost := after.TotalAlloc - before.TotalAlloc; cost > 16*conformLimit {
					t.Errorf("a bomb of %d bytes cost %d", len(bomb), cost)
				}
			})
		})
	}
}

// conformBomb becomes n bytes.
func conformBomb(n int) string {
	const part = 1 << 20
	return strings.Repeat(conformDeflated(string(make([]byte, part)))+"\x00\x00\xff\xff", n/part) + "\x00"
}

// Sixteen MiB are what a server may be asked to take: whole, and in fragments
// down to 64 bytes, in time.
func TestConformanceOfMessagesOf16MiB(t *testing.T) {
	const size = 16 << 20
	config := conformConfig()
	config.ReadLimitAccepted, config.ReadLimitDialed = size, size
	config.Outbox = actors.Outbox{Bytes: 4 * size}
	text, binary := conformFill(size), conformBytes(size)
	for _, c := range []conformCase{
		{"5.6", "text", said(finText, text), []string{conformWords(finText, text)}},
		{"5.6", "binary", said(finBinary, binary), []string{conformWords(finBinary, binary)}},
		{"5.4", "text in fragments of 64 bytes", conformInFragments(finText, text[:size/4], 64), []string{conformWords(finText, text[:size/4])}},
		{"5.4", "binary in fragments of 1 MiB", conformInFragments(finBinary, binary, 1<<20), []string{conformWords(finBinary, binary)}},
		{"10.4", "a byte more", said(finBinary, binary+"x"), []string{"close 1009"}},
	} {
		for side, open := range conformSides {
			t.Run(fmt.Sprint(c.section, " ", c.name, " ", side), func(t *testing.T) {
				conformOnTCP(t, config, func(w *conformWorld) { c.run(w, open, false, 0) })
			})
		}
	}
}

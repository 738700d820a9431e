package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
)

func TestConformanceOfCompression(t *testing.T) {
	const zText, zBinary = finText | conformRSV1, finBinary | conformRSV1
	cases := []conformCase{
		{"6.1", "a message that is not compressed", said(finText, "plain"), []string{"text plain"}},
		{"7.2.3.2", "the example", said(zText, "\xf2\x48\xcd\xc9\xc9\x07\x00"), []string{"text Hello"}},
		{"7.2.3.3", "the example without compression", said(zText, "\x00\x05\x00\xfa\xffHello\x00"), []string{"text Hello"}},
		{"7.2.3.4", "the example with a final block", said(zText, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), []string{"text Hello"}},
		{"7.2.3.5", "the example in two blocks", said(zText, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), []string{"text Hello"}},
		{"7.2.3.6", "nothing", said(zText, "\x00"), []string{"text "}},
		{"6.1", "fragments", conformInFragments(zText, conformDeflated(conformFill(1000)), 10), []string{conformWords(finText, conformFill(1000))}},
		{"6.1", "fragments with pings between", func(p *conformPeer) []byte {
			z := conformDeflated("in three parts")
			return said(conformText|conformRSV1, z[:3], finPing, "1", conformMore, z[3:4], finPing, "2", finMore, z[4:])(p)
		}, []string{"pong 1", "pong 2", "text in three parts"}},
		{"6.1", "an empty first fragment", func(p *conformPeer) []byte {
			return said(conformText|conformRSV1, "", conformMore, "", finMore, conformDeflated("x"))(p)
		}, []string{"text x"}},
		{"6.1", "plain behind compressed", said(zText, conformDeflated("a"), finText, "b", zText, conformDeflated("c")), []string{"text a", "text b", "text c"}},
		{"6.1", "RSV1 on a continuation", said(conformText|conformRSV1, "\xf2\x48", finMore|conformRSV1, "\xcd"), []string{"close 1002"}},
		{"6.1", "RSV1 on a ping", said(finPing|conformRSV1, ""), []string{"close 1002"}},
		{"6.1", "RSV1 on a pong", said(finPong|conformRSV1, ""), []string{"close 1002"}},
		{"6.1", "RSV1 on a close frame", said(finClose|conformRSV1, conformClosing(1000, "")), []string{"close 1002"}},
		{"6.1", "RSV2", said(finText|0x20, "x"), []string{"close 1002"}},
		{"6.1", "RSV1 and RSV3", said(zText|0x10, "x"), []string{"close 1002"}},
		{"7.2.2", "a block of a type that does not exist", said(zText, "\x07"), []string{"close 1007"}},
		{"7.2.2", "a stored block whose length is wrong", said(zText, "\x00\x05\x00\x00\x00Hello\x00"), []string{"close 1007"}},
		{"7.2.2", "a distance beyond the beginning", said(zText, "\x4a\x04\x62\x00"), []string{"close 1007"}},
		{"7.2.2", "what is not compressed", said(zText, "\xff\xff\xff\xff"), []string{"close 1007"}},
		{"8.1 of 6455", "text that is not UTF-8", said(zText, conformDeflated("caf\xe9")), []string{"close 1007"}},
		{"8.1 of 6455", "binary that is not UTF-8", said(zBinary, conformDeflated("caf\xe9")), []string{"binary caf\xe9"}},
	}
	for _, n := range []int{1, 16, 64, 125, 126, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072} {
		for _, data := range []string{conformFill(n), conformBytes(n)} {
			cases = append(cases, conformCase{"7.2", fmt.Sprintf("%d bytes as %d", n, len(conformDeflated(data))), said(zBinary, conformDeflated(data)), []string{conformWords(finBinary, data)}})
		}
	}
	conform(t, true, cases)
}

func TestConformanceOfAThousandCompressedMessages(t *testing.T) {
	var parts []any
	var want []string
	for i := range 1000 {
		text := fmt.Sprint(i, conformFill(i%60))
		parts = append(parts, finText|conformRSV1, conformDeflated(text))
		want = append(want, conformWords(finText, text))
	}
	conform(t, true, []conformCase{{"7.2", "a thousand messages", said(parts...), want}})
}

// What we write ourselves is compressed once that was agreed to, without a
// reference to an earlier message, and within the window that was asked for.
func TestConformanceOfTheWindow(t *testing.T) {
	block := conformSpeech(1500) // of two, the second compresses to nothing where the first is within the window
	const one = 1200             // bytes: more than one takes, and less than two
	for bits := 8; bits <= 15; bits++ {
		t.Run(fmt.Sprint(bits, " bits"), func(t *testing.T) {
			conformOnTCP(t, conformConfig(), func(w *conformWorld) {
				p, end := w.connects(conformFace(w.m))
				defer end()
				status, header := p.ask(conformRequest(fmt.Sprint("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=", bits)))
				if status != http.StatusSwitchingProtocols || p.answer == "" {
					t.Fatal(status, header)
				}
				for _, data := range []string{block + block, block, strings.Repeat("z", 100_000), "", conformFill(1 << bits), conformFill(1<<bits + 1)} {
					p.speak(p.frame(finBinary, data), 0)
					first, payload, err := p.next()
					if first != finBinary|conformRSV1 || err != nil || string(conformInflated(payload)) != data {
						t.Fatalf("%d bytes came back as %#x with %d, %v", len(data), first, len(payload), err)
					}
					if reaches := len(payload) < one; len(data) == 2*len(block) && reaches != (bits >= 12) {
						t.Errorf("%d bytes were compressed to %d", len(data), len(payload))
					}
				}
				w.m.Broadcast("", messages.Binary([]byte(block+block)))
				// What many get is compressed once, for the greatest window.
				first, payload, err := p.next()
				if first == finBinary|conformRSV1 {
					payload = conformInflated(payload)
				}
				if compressed := first != finBinary; err != nil || compressed != (bits == 15) || string(payload) != block+block {
					t.Errorf("a broadcast came as %#x with %d bytes, %v", first, len(payload), err)
				}
			})
		})
	}
}

// conformSpeech is words in no order, and so repeats itself in small parts, but
// not as a whole.
func conformSpeech(n int) string {
	const vocabulary = 64
	letters, order := conformBytes(8*vocabulary), conformBytes(n)
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		word := int(order[i]) % vocabulary
		b.WriteString(letters[8*word : 8*word+8])
	}
	return b.String()[:n]
}

// What a client may offer, and what we agree to: RFC 7692, section 7.1.
var conformOffers = []struct{ offer, answer string }{
	{"permessage-deflate", conformOffer},
	{"permessage-deflate; client_max_window_bits", conformOffer},
	{"permessage-deflate; client_max_window_bits=8", conformOffer},
	{`permessage-deflate; client_max_window_bits="15"`, conformOffer},
	{"permessage-deflate; server_no_context_takeover", conformOffer},
	{"permessage-deflate;client_no_context_takeover;server_no_context_takeover", conformOffer},
	{"permessage-deflate; server_max_window_bits=15", conformOffer + "; server_max_window_bits=15"},
	{"permessage-deflate; server_max_window_bits=9; client_max_window_bits=9", conformOffer + "; server_max_window_bits=9"},
	{`permessage-deflate; server_max_window_bits="10"`, conformOffer + "; server_max_window_bits=10"},
	{"x-webkit-deflate-frame, permessage-deflate", conformOffer},
	{"permessage-deflate; server_max_window_bits=10, permessage-deflate", conformOffer + "; server_max_window_bits=10"},
	{"permessage-deflate; unknown, permessage-deflate; client_max_window_bits", conformOffer},
	{"permessage-deflate; server_max_window_bits=7, permessage-deflate", conformOffer},
	{"", ""},
	{"x-webkit-deflate-frame", ""},
	{"permessage-bzip2", ""},
	{"Permessage-Deflate-Not", ""},
	{"permessage-deflate; unknown", ""},
	{"permessage-deflate; unknown=1", ""},
	{"permessage-deflate; server_no_context_takeover=1", ""},
	{"permessage-deflate; client_no_context_takeover=", ""},
	{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""},
	{"permessage-deflate; client_max_window_bits; client_max_window_bits=9", ""},
	{"permessage-deflate; client_max_window_bits=7", ""},
	{"permessage-deflate; client_max_window_bits=16", ""},
	{"permessage-deflate; client_max_window_bits=09", ""},
	{"permessage-deflate; client_max_window_bits=+9", ""},
	{"permessage-deflate; client_max_window_bits=x", ""},
	{"permessage-deflate; server_max_window_bits", ""},
	{"permessage-deflate; server_max_window_bits=", ""},
	{"permessage-deflate; server_max_window_bits=16", ""},
	{"permessage-deflate; server_max_window_bits=-9", ""},
	{"permessage-deflate;", ""},
	{"permessage-deflate; ; client_max_window_bits", ""},
}

func TestConformanceOfOffers(t *testing.T) {
	for _, o := range conformOffers {
		t.Run(o.offer, func(t *testing.T) {
			conformOnTCP(t, conformConfig(), func(w *conformWorld) {
				p, end := w.connects(conformFace(w.m))
				defer end()
				status, _ := p.ask(conformRequest("Sec-WebSocket-Extensions: " + o.offer))
				if status != http.StatusSwitchingProtocols || p.answer != o.answer {
					t.Fatalf("%d: agreed to %q, want %q", status, p.answer, o.answer)
				}
				want := []string{"text x", "close 1000", "end"}
				if p.answer == "" {
					want = []string{"close 1002", "end"}
				}
				p.speak(said(finText|conformRSV1, conformDeflated("x"), finClose, conformClosing(1000, ""))(p), 0)
				if heard := p.hear(); !slices.Equal(heard, want) {
					t.Errorf("heard %q, want %q", heard, want)
				}
			})
		})
	}
}

func TestConformanceOfOffersWhereCompressionIsOff(t *testing.T) {
	config := conformConfig()
	config.Upgrader = nil
	conformOnTCP(t, config, func(w *conformWorld) {
		p, end := w.connects(conformFace(w.m))
		defer end()
		if status, _ := p.ask(conformRequest("Sec-WebSocket-Extensions: permessage-deflate")); p.answer != "" || status != http.StatusSwitchingProtocols {
			t.Errorf("%d: agreed to %q", status, p.answer)
		}
	})
}

// What a server may agree to, where we have offered compression and where not:
// anything but our offer fails the connection (RFC 6455, section 4.1).
func TestConformanceOfAgreements(t *testing.T) {
	for _, a := range []struct {
		offered bool
		answer  string
		opens   bool
	}{
		{true, conformOffer, true},
		{true, conformOffer + "; server_max_window_bits=9", true},
		{true, "", true},
		{false, "", true},
		{false, conformOffer, false},
		{true, conformOffer + "; client_max_window_bits=9", false},
		{true, conformOffer + "; server_max_window_bits=16", false},
		{true, conformOffer + "; server_max_window_bits", false},
		{true, conformOffer + "; unknown", false},
		{true, conformOffer + ", " + conformOffer, false},
		{true, conformOffer + "; client_no_context_takeover", false},
		{true, conformOffer + ", x-webkit-deflate-frame", false},
		{true, "x-webkit-deflate-frame", false},
		{false, "x-webkit-deflate-frame", false},
	} {
		t.Run(fmt.Sprintf("%q to an offer %v", a.answer, a.offered), func(t *testing.T) {
			conformOnTCP(t, conformConfig(), func(w *conformWorld) {
				p, id, end := w.called(&websocket.Dialer{EnableCompression: a.offered})
				defer end()
				var lines []string
				if a.answer != "" {
					lines = []string{"Sec-WebSocket-Extensions: " + a.answer}
				}
				p.agree(lines...)
				conformOpens(w, id, a.opens)
			})
		})
	}
}

// decided waits for the outcome of a dialed connection's first attempt.
func (w *conformWorld) decided(id messages.ID) messages.Info {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), conformPatience)
	defer cancel()
	if err := w.m.Wait(ctx, id, messages.Open, messages.Backoff, messages.Parked); err != nil {
		w.t.Fatal(err)
	}
	info, err := w.m.Info(id)
	if err != nil {
		w.t.Fatal(err)
	}
	return info
}

// conformOpens asserts that a dialed connection opens, or that its handshake
// has failed in a way that dialing again does not cure.
func conformOpens(w *conformWorld, id messages.ID, want bool) {
	w.t.Helper()
	info := w.decided(id)
	var refused *messages.HandshakeError
	if last := info.History[len(info.History)-1]; info.State == messages.Open != want || !want && !errors.As(last.Cause, &refused) {
		w.t.Errorf("it is %v: %v", info.State, last.Cause)
	}
}

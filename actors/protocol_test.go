package actors_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

const (
	finText, finBinary, finMore, finClose, finPing, finPong = 0x81, 0x82, 0x80, 0x88, 0x89, 0x8a // final
	firstText, firstBinary, middle                          = 0x01, 0x02, 0x00                   // not final
	rsv1                                                    = 0x40
)

func TestMessagesOfAllLengthsArriveWhole(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		for _, n := range lengths(p.limit) {
			want := pattern(n)
			p.put(p.frame(finBinary, want))
			synctest.Wait()
			if got := p.said.data(); !bytes.Equal(got, want) {
				t.Fatalf("%d bytes arrived as %d others", n, len(got))
			}
		}
	})
}

func TestMessagesOfAllLengthsLeaveWhole(t *testing.T) {
	config := actors.Config{Outbox: actors.Outbox{Bytes: 4 << 20}}
	onBothSides(t, config, func(t *testing.T, w *world, p *raw) {
		for _, n := range lengths(1 << 20) {
			want := pattern(n)
			w.send(p.id, messages.Binary(bytes.Clone(want)))
			first, got := p.data()
			if first != finBinary || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes left as %#x with %d", n, first, len(got))
			}
		}
	})
}

func TestFramesMayComeByteByByte(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		stream := slices.Concat(p.frame(finText, []byte("hällo")), p.frame(finPing, []byte("?")),
			p.frame(firstBinary, pattern(200)), p.frame(finMore, pattern(70_000)[:100]))
		for i := range stream {
			p.put(stream[i : i+1])
			synctest.Wait()
		}
		p.hears("text hällo", fmt.Sprintf("binary %s", slices.Concat(pattern(200), pattern(100))))
		if first, payload, err := p.next(); first != finPong || string(payload) != "?" || err != nil {
			t.Errorf("the ping was answered with %#x %q, %v", first, payload, err)
		}
	})
}

func TestControlFramesMayComeBetweenFragments(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		p.put(p.frame(firstText, []byte("a")), p.frame(finPing, []byte("1")), p.frame(middle, nil))
		synctest.Wait()
		p.put(p.frame(finPong, nil), p.frame(middle, []byte("b")), p.frame(finPing, nil), p.frame(finMore, []byte("c")))
		p.put(p.frame(finText, nil), p.frame(firstBinary, nil), p.frame(finMore, nil))
		p.hears("text abc", "text ", "binary ")
		for _, want := range []string{"1", ""} {
			if first, payload, _ := p.next(); first != finPong || string(payload) != want {
				t.Errorf("answered with %#x %q", first, payload)
			}
		}
	})
}

func TestFragmentsMayHaveAnyLength(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		for cut := range 9 {
			want := pattern(60_000 + cut)
			p.put(p.frame(firstBinary, want[:cut]), p.frame(middle, want[cut:50_000]), p.frame(finMore, want[50_000:]))
			synctest.Wait()
			if got := p.said.data(); !bytes.Equal(got, want) {
				t.Errorf("cut after %d bytes, %d others arrived", cut, len(got))
			}
		}
	})
}

func TestOfSeveralPingsTheLatestIsAnswered(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		var pings []byte
		for i := range 100 {
			pings = append(pings, p.frame(finPing, []byte{byte(i)})...)
		}
		p.put(pings)
		synctest.Wait()
		for {
			first, payload, err := p.next()
			if first != finPong || err != nil {
				t.Fatalf("%#x, %v", first, err)
			}
			if payload[0] == 99 {
				return
			}
		}
	})
}

// violations are what a peer must not send, and what it is told.
var violations = []struct {
	name string
	code int
	send func(*raw) []byte
}{
	{"RSV1 without compression", 1002, speaks(finText|rsv1, "x")},
	{"RSV2", 1002, speaks(finText|0x20, "x")},
	{"RSV3", 1002, speaks(finText|0x10, "x")},
	{"RSV1 on a ping", 1002, speaks(finPing|rsv1, "")},
	{"opcode 3", 1002, speaks(0x83, "x")},
	{"opcode 7", 1002, speaks(0x87, "x")},
	{"opcode 11", 1002, speaks(0x8b, "")},
	{"opcode 15", 1002, speaks(0x8f, "")},
	{"opcode 3 inside fragments", 1002, speaks(firstText, "x", 0x83, "y")},
	{"ping in fragments", 1002, speaks(0x09, "")},
	{"pong in fragments", 1002, speaks(0x0a, "")},
	{"close in fragments", 1002, speaks(0x08, "")},
	{"ping of 126 bytes", 1002, speaks(finPing, strings.Repeat("x", 126))},
	{"pong of 65536 bytes", 1002, speaks(finPong, strings.Repeat("x", 1<<16))},
	{"close of 126 bytes", 1002, speaks(finClose, "\x03\xe8"+strings.Repeat("x", 124))},
	{"continuation of nothing", 1002, speaks(finMore, "x")},
	{"unfinished continuation of nothing", 1002, speaks(middle, "x")},
	{"continuation after the end", 1002, speaks(firstText, "x", finMore, "y", finMore, "z")},
	{"text inside fragments", 1002, speaks(firstText, "x", finText, "y")},
	{"fragments inside fragments", 1002, speaks(firstBinary, "x", firstBinary, "y")},
	{"mask of the other side", 1002, func(p *raw) []byte { return encode(finText, []byte("x"), !p.masks) }},
	{"ping with the mask of the other side", 1002, func(p *raw) []byte { return encode(finPing, nil, !p.masks) }},
	{"length with its highest bit", 1002, func(p *raw) []byte { return p.promise(finBinary, 1<<63) }},
	{"longest length", 1002, func(p *raw) []byte { return p.promise(finBinary, math.MaxUint64) }},
	{"close with half a code", 1002, speaks(finClose, "\x03")},
	{"close reason in Latin-1", 1007, speaks(finClose, "\x03\xe8caf\xe9")},
	{"text in Latin-1", 1007, speaks(finText, "caf\xe9")},
	{"surrogate", 1007, speaks(finText, "\xed\xa0\x80")},
	{"overlong slash", 1007, speaks(finText, "\xc0\xaf")},
	{"beyond Unicode", 1007, speaks(finText, "\xf4\x90\x80\x80")},
	{"code point cut off", 1007, speaks(finText, "\xe2\x82")},
	{"code point cut off by the last fragment", 1007, speaks(firstText, "€", finMore, "\xe2\x82")},
	{"bad text in the second fragment", 1007, speaks(firstText, "fine", middle, "\xff", finMore, "fine")},
	{"promise of 2^62 bytes", 1009, func(p *raw) []byte { return p.promise(finBinary, 1<<62) }},
	{"one byte over the limit", 1009, func(p *raw) []byte { return p.frame(finBinary, pattern(p.limit+1)) }},
	{"one byte over the limit by a fragment", 1009, func(p *raw) []byte {
		return append(p.frame(firstBinary, pattern(p.limit)), p.frame(finMore, []byte("x"))...)
	}},
}

func TestViolationsAreToldToThePeer(t *testing.T) {
	for _, v := range violations {
		t.Run(v.name, func(t *testing.T) {
			onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
				p.put(p.frame(finText, []byte("before")))
				go p.Write(v.send(p))
				p.isTold(v.code)
				p.failedWith(v.code)
			})
		})
	}
}

func TestReservedCloseCodesAreViolations(t *testing.T) {
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
			p.put(p.frame(finClose, closePayload(code, "")))
			p.isTold(1002)
			p.failedWith(1002)
		})
	}
}

func TestCloseFramesAreAnsweredWithTheirCode(t *testing.T) {
	codes := []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}
	reason := strings.Repeat("r", 123)
	for _, code := range codes {
		onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
			p.put(p.frame(finClose, closePayload(code, reason)))
			p.isTold(code)
			p.wasClosedWith(code, reason)
		})
	}
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		p.put(p.frame(finClose, nil))
		p.isTold(1005)
		p.wasClosedWith(1005, "")
	})
}

func TestNothingIsReadAfterACloseFrame(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		p.put(slices.Concat(p.frame(finClose, closePayload(1000, "")), p.frame(finText, []byte("late"))))
		synctest.Wait()
		if slices.Contains(p.said.all(), "text late") {
			t.Error("a message after the close frame was passed on")
		}
	})
}

func TestCodePointsMayBeSplitAcrossFragments(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		const euro = "€"
		p.put(p.frame(firstText, []byte(euro[:1])), p.frame(middle, []byte(euro[1:2])), p.frame(finMore, []byte(euro[2:])))
		p.hears("text €")
	})
}

func TestBinaryNeedNotBeUTF8(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		p.put(p.frame(finBinary, []byte{0xff, 0xfe}))
		p.hears("binary \xff\xfe")
	})
}

func TestThePeerReadsWhyItWasClosedWhileItStillSends(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		go func() {
			p.Write(p.promise(finBinary, 1<<30))
			for {
				if _, err := p.Write(make([]byte, 1<<15)); err != nil {
					return
				}
			}
		}()
		p.isTold(1009)
		p.failedWith(1009)
	})
}

func TestThePeerReadsWhyItWasClosedOnceItHasSentAll(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		p.put(p.promise(finBinary, 1<<30), make([]byte, 300<<10))
		synctest.Wait()
		p.isTold(1009)
		p.failedWith(1009)
	})
}

func TestAPromiseOfManyBytesCostsNoMemory(t *testing.T) {
	config := actors.Config{ReadLimitAccepted: math.MaxInt64, ReadLimitDialed: math.MaxInt64}
	onBothSides(t, config, func(t *testing.T, w *world, p *raw) {
		cost := allocated(func() {
			p.put(p.promise(finBinary, 1<<62), pattern(10))
			synctest.Wait()
		})
		if cost > 1<<20 {
			t.Errorf("cost %d bytes", cost)
		}
	})
}

func TestSmallFragmentsCostNoMoreThanTheyAre(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		const n = 60_000
		var stream []byte
		stream = append(stream, p.frame(firstBinary, []byte("x"))...)
		for range n - 2 {
			stream = append(stream, p.frame(middle, []byte("x"))...)
		}
		stream = append(stream, p.frame(finMore, []byte("x"))...)
		cost := allocated(func() {
			p.put(stream)
			synctest.Wait()
		})
		if got := p.said.data(); len(got) != n {
			t.Fatalf("%d bytes arrived", len(got))
		}
		if cost > 4<<20 {
			t.Errorf("%d bytes in fragments cost %d", n, cost)
		}
	})
}

func TestCompressedMessagesUpToTheLimit(t *testing.T) {
	onBothSides(t, compressing, func(t *testing.T, w *world, p *raw) {
		p.compresses(t)
		for _, n := range []int{0, 1, 1000, p.limit} {
			for _, data := range [][]byte{make([]byte, n), pattern(n)} {
				p.put(p.frame(finBinary|rsv1, deflated(data)))
				synctest.Wait()
				if got := p.said.data(); !bytes.Equal(got, data) {
					t.Fatalf("%d bytes arrived as %d others", n, len(got))
				}
			}
		}
		p.put(p.frame(finText, []byte("plain is fine too")))
		p.hearsLast("text plain is fine too")
		go p.Write(p.frame(finBinary|rsv1, deflated(make([]byte, p.limit+1))))
		p.isTold(1009)
		p.failedWith(1009)
	})
}

func TestCompressedFragments(t *testing.T) {
	onBothSides(t, compressing, func(t *testing.T, w *world, p *raw) {
		z := deflated([]byte("in three parts"))
		p.put(p.frame(firstText|rsv1, z[:2]), p.frame(finPing, nil), p.frame(middle, z[2:5]), p.frame(finMore, z[5:]))
		p.hears("text in three parts")
	})
}

func TestViolationsUnderCompression(t *testing.T) {
	for _, v := range []struct {
		name string
		code int
		send func(*raw) []byte
	}{
		{"RSV1 on a continuation", 1002, speaks(firstText|rsv1, "x", finMore|rsv1, "y")},
		{"RSV1 on a ping", 1002, speaks(finPing|rsv1, "")},
		{"RSV2", 1002, speaks(finText|0x20, "x")},
		{"not deflated", 1007, speaks(finText|rsv1, "\xff\xff\xff")},
		{"text that is not UTF-8", 1007, speaks(finText|rsv1, string(deflated([]byte("\xff"))))},
	} {
		t.Run(v.name, func(t *testing.T) {
			onBothSides(t, compressing, func(t *testing.T, w *world, p *raw) {
				p.put(v.send(p))
				p.isTold(v.code)
				p.failedWith(v.code)
			})
		})
	}
}

func TestADeflateBombCostsLittle(t *testing.T) {
	onBothSides(t, compressing, func(t *testing.T, w *world, p *raw) {
		bomb := p.frame(finBinary|rsv1, deflated(make([]byte, 60<<20)))
		cost := allocated(func() {
			go p.Write(bomb)
			p.isTold(1009)
		})
		if most := uint64(8*p.limit + 1<<20); cost > most {
			t.Errorf("cost %d bytes, at most %d were expected", cost, most)
		}
	})
}

func TestTheGreatestReadLimitIsNoLimit(t *testing.T) {
	config := compressing
	config.ReadLimitAccepted, config.ReadLimitDialed = math.MaxInt64, math.MaxInt64
	onBothSides(t, config, func(t *testing.T, w *world, p *raw) {
		p.put(p.frame(finBinary, pattern(2<<20)))
		p.put(p.frame(finBinary|rsv1, deflated(pattern(3<<20))))
		synctest.Wait()
		if got := p.said.data(); !bytes.Equal(got, pattern(3<<20)) {
			t.Fatalf("%d bytes arrived at last", len(got))
		}
	})
}

// Gorilla is the oracle of both directions, with and without compression.
func TestGorillaAgrees(t *testing.T) {
	payloads := [][]byte{{}, []byte("x"), pattern(125), pattern(126), pattern(65535), pattern(65536)}
	for _, compress := range []bool{true, false} {
		withGorilla(t, compress, func(t *testing.T, w *world, ws *websocket.Conn, id messages.ID, said *diary) {
			for i, data := range payloads {
				before := w.info(id).Received
				kind := websocket.BinaryMessage
				if i < 2 {
					kind = websocket.TextMessage
				}
				for _, deflate := range []bool{compress, false} {
					ws.EnableWriteCompression(deflate)
					if err := ws.WriteMessage(kind, data); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				if got := said.data(); !bytes.Equal(got, data) || w.info(id).Received != before+2 {
					t.Fatalf("%d bytes of gorilla's arrived as %d", len(data), len(got))
				}
				m := messages.Message{Kind: messages.Kind(kind), Data: data}
				w.send(id, m)
				w.m.Broadcast("", m)
				for range 2 {
					got, back, err := ws.ReadMessage()
					if err != nil || got != kind || !bytes.Equal(back, data) {
						t.Fatalf("gorilla read %d bytes of kind %d for %d: %v", len(back), got, len(data), err)
					}
				}
			}
			go ws.ReadMessage()
			if err := w.m.Close(t.Context(), id, 1000, ""); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWithoutAgreementNothingIsCompressed(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		if p.agreed {
			t.Fatal("compression was agreed to")
		}
		w.send(p.id, messages.Text(strings.Repeat("a", 1000)))
		if first, data := p.data(); first != finText || len(data) != 1000 {
			t.Errorf("sent %#x with %d bytes", first, len(data))
		}
	})
}

func TestASilentPeerIsCutWithoutAWord(t *testing.T) {
	onBothSides(t, actors.Config{}, func(t *testing.T, w *world, p *raw) {
		start := time.Now()
		for {
			first, _, err := p.next()
			if err != nil {
				break
			}
			if first != finPing {
				t.Errorf("was sent %#x", first)
			}
		}
		if cut := time.Since(start); cut < 10*time.Second || cut > 35*time.Second {
			t.Errorf("cut after %v", cut)
		}
		if err := p.cause(); !errors.Is(err, messages.ErrHeartbeatTimeout) {
			t.Errorf("cause %v", err)
		}
	})
}

// The rest is the raw peer that these tests speak through.

// raw is a peer that writes any bytes it likes, connected to a manager that
// accepted it, or dialed it.
type raw struct {
	t *testing.T
	w *world
	net.Conn
	in     *bufio.Reader
	masks  bool // it is the client
	agreed bool // to compression
	limit  int  // of what it may send, by default
	id     messages.ID
	said   *diary // what our handler was told
}

// compressing agrees to compression on both sides.
var compressing = actors.Config{Upgrader: &websocket.Upgrader{EnableCompression: true}}

// onBothSides runs f with a raw peer of an accepted connection and of a
// dialed one.
func onBothSides(t *testing.T, config actors.Config, f func(*testing.T, *world, *raw)) {
	t.Helper()
	for name, open := range map[string]func(*world, bool) *raw{"accepted": rawClient, "dialed": rawServer} {
		t.Run(name, func(t *testing.T) {
			bubble(t, config, func(t *testing.T, w *world) {
				p := open(w, config.Upgrader != nil)
				defer p.Close()
				f(t, w, p)
			})
		})
	}
}

// rawClient opens a connection that the manager accepts.
func rawClient(w *world, compress bool) *raw {
	said := &diary{}
	ids := make(chan messages.ID, 1)
	addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
		id, err := w.m.Accept(rw, r, actors.Client{Handler: said})
		if err != nil {
			w.t.Error(err)
		}
		ids <- id
	})
	conn := w.connect(addr)
	offer := ""
	if compress {
		offer = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
	}
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: front\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", offer)
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		w.t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
	agreed := resp.Header.Get("Sec-WebSocket-Extensions") != ""
	return &raw{w.t, w, conn, in, true, agreed, 64 << 10, <-ids, said}
}

// rawServer has the manager dial a connection, once.
func rawServer(w *world, compress bool) *raw {
	said := &diary{}
	l, err := w.net.Listen("raw:80")
	if err != nil {
		w.t.Fatal(err)
	}
	defer l.Close()
	target := w.target()
	target.URL, target.Handler, target.Pool = "ws://raw:80/", said, messages.NewID().String()
	target.Dialer.EnableCompression = compress
	id, err := w.m.Dial(w.t.Context(), target)
	if err != nil {
		w.t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		w.t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	agreed := shakeHands(w.t, conn, in, compress)
	return &raw{w.t, w, conn, in, false, agreed, 1 << 20, id, said}
}

// shakeHands answers a client's handshake by hand.
func shakeHands(t *testing.T, conn net.Conn, in *bufio.Reader, compress bool) (agreed bool) {
	t.Helper()
	req, err := http.ReadRequest(in)
	if err != nil {
		t.Fatal(err)
	}
	answer := ""
	if agreed = compress && req.Header.Get("Sec-WebSocket-Extensions") != ""; agreed {
		answer = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
	}
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n%s\r\n", acceptKey(req.Header.Get("Sec-WebSocket-Key")), answer)
	return agreed
}

// withGorilla runs f with a gorilla peer of an accepted connection and of a
// dialed one.
func withGorilla(t *testing.T, compress bool, f func(*testing.T, *world, *websocket.Conn, messages.ID, *diary)) {
	t.Helper()
	config := actors.Config{Upgrader: &websocket.Upgrader{EnableCompression: compress}}
	for name, open := range map[string]func(*world, bool, *diary) (*websocket.Conn, messages.ID){
		"accepted": gorillaClient, "dialed": gorillaServer,
	} {
		t.Run(fmt.Sprintf("%s compressed %v", name, compress), func(t *testing.T) {
			bubble(t, config, func(t *testing.T, w *world) {
				said := &diary{}
				ws, id := open(w, compress, said)
				defer ws.Close()
				f(t, w, ws, id, said)
			})
		})
	}
}

func gorillaClient(w *world, compress bool, said *diary) (*websocket.Conn, messages.ID) {
	id := messages.NewID()
	addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
		if _, err := w.m.Accept(rw, r, actors.Client{ID: id, Handler: said}); err != nil {
			w.t.Error(err)
		}
	})
	dialer := websocket.Dialer{NetDialContext: w.net.DialContext, EnableCompression: compress}
	ws, _, err := dialer.Dial("ws://"+addr+"/", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return ws, id
}

func gorillaServer(w *world, compress bool, said *diary) (*websocket.Conn, messages.ID) {
	sockets := make(chan *websocket.Conn, 1)
	up := websocket.Upgrader{EnableCompression: compress}
	addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
		ws, err := up.Upgrade(rw, r, nil)
		if err != nil {
			w.t.Error(err)
		}
		sockets <- ws
	})
	target := w.target()
	target.URL, target.Handler, target.Dialer.EnableCompression = "ws://"+addr+"/", said, compress
	id := w.dial(target)
	return <-sockets, id
}

// front serves h at an address of its own on the in-memory network.
func (w *world) front(h http.HandlerFunc) (addr string) {
	w.t.Helper()
	addr = "front-" + messages.NewID().String() + ":80"
	l, err := w.net.Listen(addr)
	if err != nil {
		w.t.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go server.Serve(l)
	w.t.Cleanup(func() { _ = server.Close() })
	return addr
}

// connect opens a connection on the in-memory network.
func (w *world) connect(addr string) *drops.Conn {
	w.t.Helper()
	c, err := w.net.DialContext(w.t.Context(), "tcp", addr)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.(*drops.Conn)
}

func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// speaks returns what encodes frames, each given by its first byte and its
// payload.
func speaks(parts ...any) func(*raw) []byte {
	return func(p *raw) (all []byte) {
		for i := 0; i < len(parts); i += 2 {
			all = append(all, p.frame(parts[i].(int), []byte(parts[i+1].(string)))...)
		}
		return all
	}
}

func (p *raw) frame(first int, payload []byte) []byte { return encode(first, payload, p.masks) }

// promise is a header of a frame with any length.
func (p *raw) promise(first byte, length uint64) []byte {
	b := binary.BigEndian.AppendUint64([]byte{first, 127}, length)
	if p.masks {
		b[1] |= 0x80
		b = append(b, 1, 2, 3, 4)
	}
	return b
}

// encode is written apart from the code under test.
func encode(first int, payload []byte, masked bool) []byte {
	b := []byte{byte(first), 0}
	switch n := len(payload); {
	case n < 126:
		b[1] = byte(n)
	case n < 1<<16:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	if !masked {
		return append(b, payload...)
	}
	b[1] |= 0x80
	key := [4]byte{0x12, 0x34, 0x56, 0x78}
	b = append(b, key[:]...)
	for i, c := range payload {
		b = append(b, c^key[i%4])
	}
	return b
}

func (p *raw) put(all ...[]byte) {
	p.t.Helper()
	for _, b := range all {
		if _, err := p.Write(b); err != nil {
			p.t.Fatal(err)
		}
	}
}

// next reads a frame and checks that it is well formed.
func (p *raw) next() (first byte, payload []byte, err error) {
	p.t.Helper()
	var b [8]byte
	if _, err := io.ReadFull(p.in, b[:2]); err != nil {
		return 0, nil, err
	}
	first, masked, length := b[0], b[1]&0x80 != 0, uint64(b[1]&0x7f)
	if masked == p.masks {
		p.t.Errorf("frame %#x has the wrong mask", first)
	}
	switch length {
	case 126:
		_, err = io.ReadFull(p.in, b[:2])
		length = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		_, err = io.ReadFull(p.in, b[:8])
		length = binary.BigEndian.Uint64(b[:])
	}
	var key [4]byte
	if masked && err == nil {
		_, err = io.ReadFull(p.in, key[:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, length)
	_, err = io.ReadFull(p.in, payload)
	for i := range payload {
		payload[i] ^= key[i%4]
	}
	return first, payload, err
}

// data reads the next frame that is not a control frame.
func (p *raw) data() (first byte, payload []byte) {
	p.t.Helper()
	for {
		first, payload, err := p.next()
		if err != nil {
			p.t.Fatal(err)
		}
		if first&8 == 0 {
			return first, payload
		}
	}
}

// isTold reads until the close frame, which must have the code and be
// followed by the end.
func (p *raw) isTold(code int) {
	p.t.Helper()
	for {
		first, payload, err := p.next()
		if err != nil {
			p.t.Errorf("was told nothing, want %d: %v", code, err)
			return
		}
		if first != finClose {
			continue
		}
		got := 1005
		if len(payload) >= 2 {
			got = int(binary.BigEndian.Uint16(payload))
		}
		if got != code {
			p.t.Errorf("was told %d (%q), want %d", got, payload, code)
		}
		if _, _, err := p.next(); err == nil {
			p.t.Error("a frame followed the close frame")
		}
		p.Close()
		return
	}
}

// cause is why our side lost the peer, once it has.
func (p *raw) cause() error {
	p.w.wait(p.id, messages.Backoff, messages.Parked, messages.Closed)
	synctest.Wait()
	return p.said.cause()
}

// failedWith asserts that our side failed of a violation with the code.
func (p *raw) failedWith(code int) {
	p.t.Helper()
	var violation *messages.ProtocolError
	if err := p.cause(); !errors.As(err, &violation) || violation.Code != code {
		p.t.Errorf("failed with %v, want %d", err, code)
	}
}

// wasClosedWith asserts that our side took the peer's close frame as such.
func (p *raw) wasClosedWith(code int, reason string) {
	p.t.Helper()
	err := p.cause()
	var (
		end  *messages.CloseError
		peer *messages.PeerCloseError
	)
	switch {
	case p.masks && errors.As(err, &end) && end.Remote && end.Code == code && end.Reason == reason:
	case !p.masks && errors.As(err, &peer) && peer.Code == code && peer.Reason == reason:
	default:
		p.t.Errorf("ended with %v, want code %d", err, code)
	}
}

// hears asserts that the handler was told these messages and no others.
func (p *raw) hears(want ...string) {
	p.t.Helper()
	synctest.Wait()
	if got := p.said.all(); !slices.Equal(got, append([]string{"opened"}, want...)) {
		p.t.Errorf("heard %q, want %q", got, want)
	}
}

func (p *raw) hearsLast(want string) {
	p.t.Helper()
	synctest.Wait()
	if got := p.said.all(); got[len(got)-1] != want {
		p.t.Errorf("heard %q at last, want %q", got[len(got)-1], want)
	}
}

func (p *raw) compresses(t *testing.T) {
	t.Helper()
	if !p.agreed {
		t.Fatal("compression was not agreed to")
	}
}

// diary is a handler that writes down its calls.
type diary struct {
	mu    sync.Mutex
	lines []string
	last  []byte // message
	err   error  // of the first Dropped, or else of Closed
	end   error  // of Closed
}

func (d *diary) add(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) Opened(actors.Conn) error {
	d.add("opened")
	return nil
}

func (d *diary) Message(_ actors.Conn, m messages.Message) error {
	d.add(fmt.Sprintf("%v %s", m.Kind, m.Data))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = m.Data
	return nil
}

func (d *diary) Dropped(_ actors.Conn, err error) {
	d.add("dropped")
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
	}
}

func (d *diary) Closed(_ actors.Conn, err error) {
	d.add("closed")
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end = err
	if d.err == nil {
		d.err = err
	}
}

func (d *diary) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

func (d *diary) data() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

func (d *diary) cause() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

func (d *diary) ended() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.end
}

// lengths are the ones around which the encoding changes, up to most.
func lengths(most int) (all []int) {
	for _, edge := range []int{0, 125, 126, 127, 4096, 16384, 32768, 65535, 65536, most} {
		for n := edge - 1; n <= edge+1; n++ {
			if n >= 0 && n <= most {
				all = append(all, n)
			}
		}
	}
	return all
}

// pattern does not compress well and differs at each offset.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func closePayload(code int, reason string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)
}

func deflated(data []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(data)
	_ = w.Flush()
	return b.Bytes()[:b.Len()-4]
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func inflated(data []byte) []byte {
	tail := []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}
	all, err := io.ReadAll(flate.NewReader(bytes.NewReader(append(bytes.Clone(data), tail...))))
	if err != nil {
		panic(err)
	}
	return all
}

package drops_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tetherws/tether/supervision/drops"
)

// FuzzFrames writes frames, cut anywhere, and injects faults in between: the
// peer reads each of the program's frames and each of the faults', whole, in
// order and at a legal place.
func FuzzFrames(f *testing.F) {
	f.Add(false, []byte{2, 5, 0x81, 9, 0x01, 200, 0x80, 3}, []byte{0, 3, 1, 0, 0, 5, 2, 0, 0, 1, 1, 0})
	f.Add(true, []byte{130, 5, 10, 9, 2, 255, 9, 3}, []byte{7, 0, 0, 30, 1, 0, 3, 0, 8, 0, 0, 200, 2, 0, 3, 1})
	f.Add(true, []byte{1, 0, 0, 250, 10, 4, 128, 1}, []byte{4, 0, 0, 9, 1, 0, 0, 1, 3, 0, 5, 1, 0, 250, 2, 0, 0, 1, 1, 0})
	f.Add(false, []byte{1, 254, 137, 3, 128, 255}, []byte{0, 255, 2, 0, 0, 4, 1, 1, 6, 0, 0, 2, 1, 0, 0, 255})
	f.Fuzz(func(t *testing.T, client bool, frames, ops []byte) {
		onMemory(t, func(t *testing.T, p pair) {
			open(t, p)
			d := bothEnds(p)["server"]
			if client {
				d = bothEnds(p)["client"]
			}
			s := newStream(frames[:min(len(frames), 60)], client)
			arrived := make(chan []byte)
			go func() { arrived <- must(io.ReadAll(d.to)) }()
			faults := s.play(t, d.from, ops[:min(len(ops), 400)])
			_ = d.from.CloseWrite()
			s.check(t, bytes.NewReader(<-arrived), faults)
		})
	})
}

// stream is what a program writes.
type stream struct {
	frames []wireFrame
	bytes  string
	lossy  bool // pongs may be lost
}

// newStream makes frames of pairs of bytes: what kind, and how long.
func newStream(seed []byte, client bool) (s stream) {
	within := false
	add := func(first byte, length int) {
		payload := fmt.Sprintf("%d:%s", len(s.frames), repeat('p', length))
		f := wireFrame{first, client, payload}
		s.frames = append(s.frames, f)
		s.bytes += f.encode()
	}
	for ; len(seed) >= 2; seed = seed[2:] {
		length := int(seed[1])
		switch seed[0] % 4 {
		case 1:
			add(finBit|pongOp, length%120)
		case 2:
			add(finBit|pingOp, length%120)
		default:
			first := seed[0] & finBit
			if !within {
				first |= binaryOp
			}
			within = first&finBit == 0
			if length == 255 {
				length = 66000
			}
			add(first, length)
		}
	}
	if within {
		add(finBit, 0)
	}
	add(finBit|textOp, 1) // so that what waits for the end of a frame leaves
	return s
}

// play writes the stream and does what ops say meanwhile, as pairs of bytes.
// It returns how many faults wrote a frame.
func (s *stream) play(t *testing.T, c *drops.Conn, ops []byte) (faults int) {
	t.Helper()
	left := s.bytes
	inject := func(f drops.Fault) {
		if err := f.Inject(c); err != nil {
			t.Fatal(err)
		}
	}
	for ; len(ops) >= 2; ops = ops[2:] {
		switch n := int(ops[1]); ops[0] % 9 {
		case 0:
			part := left[:min(n, len(left))]
			left = left[len(part):]
			writeOrHeal(c, part)
		case 1:
			inject(drops.Unasked{Payload: "fault"})
			faults++
		case 2:
			inject(drops.Oversized{Bytes: n + 1})
			faults++
		case 3:
			c.Heal()
		case 4:
			inject(drops.Silence{Out: true})
		case 5:
			inject(drops.Slow{Latency: 1, Bandwidth: 1000 * n})
		case 6:
			inject(drops.Bytewise{})
		case 7:
			s.lossy = true
			inject(drops.Pongs{})
		case 8:
			inject(drops.Pongs{Late: 1})
		}
	}
	writeOrHeal(c, left)
	c.Heal()
	return faults
}

// writeOrHeal heals c if the write blocks.
func writeOrHeal(c *drops.Conn, text string) {
	done := goWrite(c, []byte(text))
	synctest.Wait()
	select {
	case <-done:
	default:
		c.Heal()
		<-done
	}
}

// check reads what has arrived: the program's frames but its pongs come in
// their order, the pongs anywhere.
func (s *stream) check(t *testing.T, arrived io.Reader, faults int) {
	t.Helper()
	pongs := make(map[wireFrame]bool)
	var rest []wireFrame
	for _, f := range s.frames {
		if f.first == finBit|pongOp {
			pongs[f] = true
		} else {
			rest = append(rest, f)
		}
	}
	within := false
	for {
		f, err := readFrame(arrived)
		if errors.Is(err, io.EOF) {
			break
		}
		if continues := f.first&0xf == 0; err != nil || f.first&controlBit == 0 && continues != within {
			t.Fatalf("%v, %v, inside of a message: %v", f, err, within)
		}
		if f.first&controlBit == 0 {
			within = f.first&finBit == 0
		}
		switch {
		case pongs[f]:
			delete(pongs, f)
		case len(rest) > 0 && f == rest[0]:
			rest = rest[1:]
		default: // no frame of the program's
			if f.masked != s.frames[0].masked || f.payload != "fault" && strings.Trim(f.payload, "\x00") != "" {
				t.Fatalf("%v", f)
			}
			faults--
		}
	}
	if len(rest) > 0 || faults != 0 || len(pongs) > 0 && !s.lossy {
		t.Fatalf("missing: %d frames, %d pongs, %d faults", len(rest), len(pongs), faults)
	}
}

func TestWhatGoesOnForTooLongIsNoHandshake(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		long := "HTTP/1.1 101 Switching Protocols\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n"
		written := goWrite(p.accepted, []byte(long))
		wantRead(t, p.dialed, long)
		<-written
		if err := (drops.Garbage{}).Inject(p.accepted); !errors.Is(err, drops.ErrNoHandshake) {
			t.Error(err)
		}
	})
}

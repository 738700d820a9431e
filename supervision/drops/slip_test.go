package drops_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

// frameFaults are the faults that write frames, and what they write.
var frameFaults = []struct {
	fault   drops.Fault
	message bool
	frames  []wireFrame
}{
	{drops.CloseCode{}, false, []wireFrame{{first: 0x88}}},
	{drops.CloseCode{Code: 4000, Reason: "bye"}, false, []wireFrame{{first: 0x88, payload: "\x0f\xa0bye"}}},
	{drops.CloseCode{Code: 1000, Twice: true}, false, []wireFrame{{first: 0x88, payload: "\x03\xe8"}, {first: 0x88, payload: "\x03\xe8"}}},
	{drops.Unasked{}, false, []wireFrame{{first: 0x8A}}},
	{drops.Unasked{Payload: strings.Repeat("u", 125)}, false, []wireFrame{{first: 0x8A, payload: strings.Repeat("u", 125)}}},
	{drops.Garbage{}, false, []wireFrame{{first: 0xFB, payload: "garbage"}}},
	{drops.BadUTF8{}, true, []wireFrame{{first: 0x81, payload: "\xc3\x28"}}},
	{drops.Oversized{Bytes: 125}, true, []wireFrame{{first: 0x82, payload: string(make([]byte, 125))}}},
	{drops.Oversized{Bytes: 126}, true, []wireFrame{{first: 0x82, payload: string(make([]byte, 126))}}},
	{drops.Oversized{Bytes: 65536}, true, []wireFrame{{first: 0x82, payload: string(make([]byte, 65536))}}},
}

// eachFrameFault runs a test for each of them, at each end of a connection on
// which a handshake has passed.
func eachFrameFault(t *testing.T, test func(t *testing.T, d direction, fault drops.Fault, message bool, frames []wireFrame)) {
	t.Helper()
	for i, c := range frameFaults {
		for _, end := range []string{"client", "server"} {
			t.Run(fmt.Sprintf("%d %v at the %s", i, c.fault, end), func(t *testing.T) {
				onBoth(t, func(t *testing.T, p pair) {
					open(t, p)
					d := bothEnds(p)[end]
					frames := make([]wireFrame, len(c.frames))
					for i, f := range c.frames {
						f.masked = d.masked
						frames[i] = f
					}
					test(t, d, c.fault, c.message, frames)
				})
			})
		}
	}
}

func wantInject(t *testing.T, f drops.Fault, c *drops.Conn) {
	t.Helper()
	if err := f.Inject(c); err != nil {
		t.Fatalf("%v: %v", f, err)
	}
}

func TestAFaultsFrameIsWhatItsEndWrites(t *testing.T) {
	eachFrameFault(t, func(t *testing.T, d direction, fault drops.Fault, _ bool, frames []wireFrame) {
		wantInject(t, fault, d.from)
		wantFrames(t, d.to, frames...)
		after := wireFrame{finBit | textOp, d.masked, "after"}
		wantWrite(t, d.from, after.encode())
		wantFrames(t, d.to, after)
		wantWrite(t, d.to, "back")
		wantRead(t, d.from, "back")
	})
}

func TestOversizedIsBeyondAllBoundsByDefault(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		open(t, p)
		wantInject(t, drops.Oversized{}, p.dialed)
		wantFrames(t, p.accepted, wireFrame{finBit | binaryOp, true, string(make([]byte, 16<<20))})
	})
}

func TestAFaultsFrameWaitsForTheEndOfAFrame(t *testing.T) {
	eachFrameFault(t, func(t *testing.T, d direction, fault drops.Fault, _ bool, frames []wireFrame) {
		program := wireFrame{finBit | textOp, d.masked, strings.Repeat("x", 200)}
		text := program.encode()
		for i := range 8 { // all places in the header, and the payload's first
			wantWrite(t, d.from, text[i:i+1])
			if i == 0 {
				wantInject(t, fault, d.from)
			}
			wantRead(t, d.to, text[i:i+1])
		}
		wantNothing(t, d.to)
		wantWrite(t, d.from, text[8:]+text)
		wantRead(t, d.to, text[8:]+text)
		wantFrames(t, d.to, frames...)
	})
}

// A control frame may come inside of a fragmented message, and another message
// may not (RFC 6455, section 5.4).
func TestAFaultsMessageWaitsForTheEndOfAMessage(t *testing.T) {
	eachFrameFault(t, func(t *testing.T, d direction, fault drops.Fault, message bool, frames []wireFrame) {
		first := wireFrame{textOp, d.masked, "first, "}
		ping := wireFrame{finBit | pingOp, d.masked, "ping"}
		last := wireFrame{finBit, d.masked, "last"}
		wantWrite(t, d.from, first.encode())
		wantInject(t, fault, d.from)
		wantWrite(t, d.from, ping.encode())
		wantWrite(t, d.from, last.encode())
		want := append(append([]wireFrame{first}, frames...), ping, last)
		if message {
			want = append([]wireFrame{first, ping, last}, frames...)
		}
		wantFrames(t, d.to, want...)
	})
}

func TestAFaultsFrameIsHeldBackBySilence(t *testing.T) {
	eachFrameFault(t, func(t *testing.T, d direction, fault drops.Fault, _ bool, frames []wireFrame) {
		wantInject(t, drops.Silence{}, d.from)
		wantInject(t, fault, d.from)
		wantNothing(t, d.to)
		d.from.Heal()
		wantFrames(t, d.to, frames...)
	})
}

// Behind a FIN there is no frame, whatever waits.
func TestNoFrameLeavesBehindAFIN(t *testing.T) {
	for name, slow := range map[string]drops.Slow{"at once": {}, "behind what is under way": {Latency: time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, p pair) {
				open(t, p)
				frame := wireFrame{finBit | textOp, true, "text"}
				if slow != (drops.Slow{}) {
					wantInject(t, slow, p.dialed)
					wantWrite(t, p.dialed, frame.encode())
				}
				wantInject(t, drops.FIN{}, p.dialed)
				for _, f := range frameFaults {
					if err := f.fault.Inject(p.dialed); !errors.Is(err, syscall.EPIPE) {
						t.Errorf("%v: %v", f.fault, err)
					}
				}
				if slow != (drops.Slow{}) {
					wantFrames(t, p.accepted, frame)
				}
				wantReadError(t, p.accepted, io.EOF)
			})
		})
	}
}

// The Write that is torn ends a frame, and a fault's frame waits for just that.
func TestNoFrameLeavesBehindATear(t *testing.T) {
	for _, torn := range []drops.Torn{{After: 1 << 20}, {After: 1 << 20, FIN: true}} {
		onMemory(t, func(t *testing.T, p pair) {
			open(t, p)
			text := wireFrame{finBit | binaryOp, true, string(make([]byte, 128<<10))}.encode()
			wantInject(t, drops.Slow{Latency: time.Second}, p.dialed)
			wantInject(t, torn, p.dialed)
			write := goWrite(p.dialed, []byte(text))
			synctest.Wait()
			wantInject(t, drops.CloseCode{Code: 4000}, p.dialed)
			all, _ := io.ReadAll(p.accepted)
			if got := <-write; got.n != len(text) || got.err == nil || string(all) != text {
				t.Errorf("wrote %d, %v; %d bytes arrived of %d", got.n, got.err, len(all), len(text))
			}
		})
	}
}

package drops_test

import (
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestTornCutsTheNextWrite(t *testing.T) {
	cases := []struct {
		torn      drops.Torn
		read      string
		own, peer error
	}{
		{drops.Torn{}, "", syscall.ECONNRESET, syscall.ECONNRESET},
		{drops.Torn{After: 3}, "fra", syscall.ECONNRESET, syscall.ECONNRESET},
		{drops.Torn{After: 9}, "frame", syscall.ECONNRESET, syscall.ECONNRESET},
		{drops.Torn{FIN: true}, "", syscall.EPIPE, io.EOF},
		{drops.Torn{After: 3, FIN: true}, "fra", syscall.EPIPE, io.EOF},
	}
	for _, c := range cases {
		t.Run(c.torn.String(), func(t *testing.T) {
			onBoth(t, func(t *testing.T, p pair) {
				wantWrite(t, p.dialed, "before ")
				if err := c.torn.Inject(p.dialed); err != nil {
					t.Fatal(err)
				}
				n, err := p.dialed.Write([]byte("frame"))
				if n != len(c.read) || !errors.Is(err, c.own) {
					t.Errorf("Write = %d, %v", n, err)
				}
				wantRead(t, p.accepted, "before "+c.read)
				wantReadError(t, p.accepted, c.peer)
				if _, err := p.dialed.Write([]byte("x")); !errors.Is(err, c.own) {
					t.Errorf("next Write: %v", err)
				}
			})
		})
	}
}

func TestTornWithFINLeavesReading(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		_ = drops.Torn{FIN: true}.Inject(p.dialed)
		_, _ = p.dialed.Write([]byte("x"))
		wantWrite(t, p.accepted, "answer")
		wantRead(t, p.dialed, "answer")
	})
}

func TestHealDisarmsTorn(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		_ = drops.Torn{}.Inject(p.dialed)
		p.dialed.Heal()
		wantWrite(t, p.dialed, "whole")
		wantRead(t, p.accepted, "whole")
	})
}

func TestTornSparesWhatSilenceHoldsBack(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		_ = drops.Silence{Out: true}.Inject(p.dialed)
		_ = drops.Torn{}.Inject(p.dialed)
		wantWrite(t, p.dialed, "held")
		wantNothing(t, p.accepted)
	})
}

// A Write that fails before its tear tears nothing, and where it stopped counts.
func TestAFrameWaitsForTheRestOfAWriteThatTimedOut(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		open(t, p)
		program := wireFrame{finBit | binaryOp, true, string(make([]byte, 128<<10))}
		text := program.encode()
		wantInject(t, drops.Torn{After: len(text)}, p.dialed)
		_ = p.dialed.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := p.dialed.Write([]byte(text))
		if n == 0 || n == len(text) || !isTimeout(err) {
			t.Fatalf("wrote %d, %v", n, err)
		}
		p.dialed.Heal()
		wantInject(t, drops.Unasked{}, p.dialed)
		_ = p.dialed.SetWriteDeadline(time.Time{})
		_ = goWrite(p.dialed, []byte(text[n:]))
		wantFrames(t, p.accepted, program, wireFrame{first: finBit | pongOp, masked: true})
	})
}

func TestTornAfterLessThanNothingIsInvalid(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		if err := (drops.Torn{After: -1}).Inject(p.dialed); !errors.Is(err, messages.ErrInvalid) {
			t.Error(err)
		}
	})
}

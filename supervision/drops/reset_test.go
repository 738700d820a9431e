package drops_test

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

func TestResetReleasesBothEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		own := goRead(p.dialed)
		p.blocked(t, "Read")
		ownWrite := goWrite(p.dialed, make([]byte, huge))
		p.blocked(t, "Write")
		if err := (drops.Reset{}).Inject(p.dialed); err != nil {
			t.Fatal(err)
		}
		for name, done := range map[string]<-chan result{"own Read": own, "own Write": ownWrite} {
			if got := <-done; !errors.Is(got.err, syscall.ECONNRESET) {
				t.Errorf("%s: %v", name, got.err)
			}
		}
		wantWriteError(t, p.accepted, syscall.ECONNRESET, syscall.EPIPE)
		if err := (drops.Reset{}).Inject(p.dialed); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("reset again: %v", err)
		}
		if err := p.dialed.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

func TestResetReachesAPeerThatReads(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		peer := goRead(p.accepted)
		p.blocked(t, "Read")
		_ = drops.Reset{}.Inject(p.dialed)
		if got := <-peer; !errors.Is(got.err, syscall.ECONNRESET) {
			t.Errorf("peer's Read: %v", got.err)
		}
		if err := p.dialed.SetDeadline(time.Now().Add(generous)); err != nil {
			t.Errorf("SetDeadline: %v", err)
		}
		wantReadError(t, p.dialed, syscall.ECONNRESET)
		wantWriteError(t, p.dialed, syscall.ECONNRESET)
	})
}

func TestResetDropsWhatIsUnderWay(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		wantWrite(t, p.dialed, "lost")
		_ = drops.Reset{}.Inject(p.dialed)
		_ = p.dialed.Close() // says no more
		wantReadError(t, p.accepted, syscall.ECONNRESET)
	})
}

func TestResetOfAConnWithoutLingerIsUnsupported(t *testing.T) {
	inner, peer := net.Pipe()
	closeAfter(t, peer)
	c := drops.Wrap(inner)
	closeAfter(t, c)
	if err := (drops.Reset{}).Inject(c); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	wantReadError(t, peer, io.EOF)
}

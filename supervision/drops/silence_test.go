package drops_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

func TestSilenceIsBothWaysAndHeals(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		if err := (drops.Silence{}).Inject(p.dialed); err != nil {
			t.Fatal(err)
		}
		wantWrite(t, p.dialed, "lost")
		wantWrite(t, p.accepted, "kept ")
		wantNothing(t, p.dialed)
		wantNothing(t, p.accepted)
		p.dialed.Heal()
		wantRead(t, p.dialed, "kept ")
		wantWrite(t, p.dialed, "after")
		wantRead(t, p.accepted, "after")
	})
}

func TestSilenceInOneDirection(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		_ = drops.Silence{In: true}.Inject(p.dialed)
		wantWrite(t, p.dialed, "out")
		wantRead(t, p.accepted, "out")
		wantWrite(t, p.accepted, "in")
		wantNothing(t, p.dialed)
		p.dialed.Heal()
		wantRead(t, p.dialed, "in")
		_ = drops.Silence{Out: true}.Inject(p.dialed)
		wantWrite(t, p.accepted, "in")
		wantRead(t, p.dialed, "in")
		wantWrite(t, p.dialed, "lost")
		wantNothing(t, p.accepted)
	})
}

func TestSilenceReachesAReadThatIsBlocked(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		for range 50 { // what arrives races with the reader's way out of the kernel
			read := goRead(p.dialed)
			p.blocked(t, "Read")
			_ = drops.Silence{}.Inject(p.dialed)
			wantWrite(t, p.accepted, "withheld")
			_ = p.dialed.SetReadDeadline(time.Unix(1, 0))
			if got := <-read; !isTimeout(got.err) {
				t.Fatalf("read %q, %v", got.text, got.err)
			}
			p.dialed.Heal()
			wantRead(t, p.dialed, "withheld")
		}
	})
}

func TestHealReleasesAReadThatIsWithheld(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		read := goRead(p.dialed)
		synctest.Wait()
		_ = drops.Silence{}.Inject(p.dialed)
		wantWrite(t, p.accepted, "withheld")
		time.Sleep(time.Hour)
		select {
		case got := <-read:
			t.Fatalf("read %q, %v", got.text, got.err)
		default:
		}
		p.dialed.Heal()
		if got := <-read; got.text != "withheld" || got.err != nil {
			t.Fatalf("read %q, %v", got.text, got.err)
		}
	})
}

func TestSilenceReachesAWriteThatIsBlocked(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		write := goWrite(p.dialed, make([]byte, huge))
		p.blocked(t, "Write")
		_ = drops.Silence{Out: true}.Inject(p.dialed)
		if got := <-write; got.n != huge || got.err != nil {
			t.Fatalf("wrote %d, %v", got.n, got.err)
		}
		if got := drain(t, p.accepted); got == 0 || got >= huge {
			t.Fatalf("%d bytes arrived", got)
		}
		wantNothing(t, p.accepted)
		p.dialed.Heal()
		wantWrite(t, p.dialed, "after")
		wantRead(t, p.accepted, "after")
	})
}

func TestSilenceHidesThePeersEnd(t *testing.T) {
	ends := map[string]func(p pair){
		"FIN": func(p pair) { _ = p.accepted.Close() },
		"RST": func(p pair) { _ = drops.Reset{}.Inject(p.accepted) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, p pair) {
				_ = drops.Silence{}.Inject(p.dialed)
				end(p)
				wantNothing(t, p.dialed)
				wantWrite(t, p.dialed, "into the void")
			})
		})
	}
}

func TestSilenceSwallowsHalfCloseButNotClose(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		_ = drops.Silence{}.Inject(p.dialed)
		if err := p.dialed.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		wantNothing(t, p.accepted)
		_ = p.dialed.Close()
		wantReadError(t, p.accepted, io.EOF)
	})
}

func TestSilenceKeepsDeadlinesAndCloseReleases(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		_ = drops.Silence{}.Inject(p.dialed)
		_ = p.dialed.SetWriteDeadline(time.Unix(1, 0))
		if _, err := p.dialed.Write([]byte("x")); !isTimeout(err) {
			t.Errorf("Write: %v", err)
		}
		read := goRead(p.dialed)
		_ = p.dialed.Close()
		if got := <-read; !errors.Is(got.err, net.ErrClosed) {
			t.Errorf("Read: %v", got.err)
		}
	})
}

func TestDeadlineUnderSilenceIsExact(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		start := time.Now()
		_ = p.dialed.SetReadDeadline(start.Add(time.Minute))
		read := goRead(p.dialed)
		synctest.Wait()
		_ = drops.Silence{}.Inject(p.dialed)
		_ = p.dialed.SetReadDeadline(start.Add(time.Hour))
		if got := <-read; !isTimeout(got.err) || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", got.err, time.Since(start))
		}
	})
}

// A deadline set under silence, or before it, is the real one after healing.
func TestDeadlineHoldsAfterHealing(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		start := time.Now()
		_ = p.dialed.SetReadDeadline(start.Add(time.Hour))
		_ = drops.Silence{}.Inject(p.dialed)
		_ = p.dialed.SetWriteDeadline(start.Add(2 * time.Hour))
		p.dialed.Heal()
		if got := <-goRead(p.dialed); !isTimeout(got.err) || time.Since(start) != time.Hour {
			t.Errorf("Read: %v after %v", got.err, time.Since(start))
		}
		if got := <-goWrite(p.dialed, make([]byte, 1<<20)); !isTimeout(got.err) || time.Since(start) != 2*time.Hour {
			t.Errorf("Write: %v after %v", got.err, time.Since(start))
		}
	})
}

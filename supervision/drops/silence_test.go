package drops_test

import (
	"errors"
	"io"
	"net"
	"syscall"
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
		wantWrite(t, p.dialed, "up ")
		wantWrite(t, p.accepted, "down")
		wantNothing(t, p.dialed)
		wantNothing(t, p.accepted)
		p.dialed.Heal()
		wantRead(t, p.dialed, "down")
		wantWrite(t, p.dialed, "after")
		wantRead(t, p.accepted, "up after")
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
		wantWrite(t, p.dialed, "held")
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
		before := drain(t, p.accepted)
		if before == 0 || before >= huge {
			t.Fatalf("%d bytes arrived", before)
		}
		wantNothing(t, p.accepted)
		p.dialed.Heal()
		wantRead(t, p.accepted, string(make([]byte, huge-before)))
		if got := <-write; got.n != huge || got.err != nil {
			t.Fatalf("wrote %d, %v", got.n, got.err)
		}
	})
}

// As a kernel would: 64 KiB are taken, and then the write blocks.
func TestSilenceHoldsOnlySoMuch(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		_ = drops.Silence{Out: true}.Inject(p.dialed)
		if got := fill(t, p.dialed); got != 64<<10 {
			t.Errorf("%d bytes were taken", got)
		}
		p.dialed.Heal()
		wantRead(t, p.accepted, string(make([]byte, 64<<10)))
	})
}

func TestWhatIsHeldBackIsACopy(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		_ = drops.Silence{}.Inject(p.dialed)
		b := []byte("held")
		_, _ = p.dialed.Write(b)
		copy(b, "used")
		p.dialed.Heal()
		wantRead(t, p.accepted, "held")
	})
}

func TestAnEmptyWriteReturnsAtOnceUnderSilence(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		_ = drops.Silence{}.Inject(p.dialed)
		if n, err := p.dialed.Write(nil); n != 0 || err != nil {
			t.Errorf("Write(nil) = %d, %v", n, err)
		}
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

func TestSilenceHoldsHalfCloseBack(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		_ = drops.Silence{}.Inject(p.dialed)
		wantWrite(t, p.dialed, "last")
		if err := p.dialed.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		wantWriteError(t, p.dialed, syscall.EPIPE)
		wantNothing(t, p.accepted)
		p.dialed.Heal()
		wantRead(t, p.accepted, "last")
		wantReadError(t, p.accepted, io.EOF)
	})
}

func TestSilenceDoesNotHideClose(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		_ = drops.Silence{}.Inject(p.dialed)
		_ = p.dialed.Close()
		wantReadError(t, p.accepted, io.EOF)
	})
	onBoth(t, func(t *testing.T, p pair) {
		_ = drops.Silence{}.Inject(p.dialed)
		wantWrite(t, p.dialed, "lost")
		_ = p.dialed.Close()
		wantReadError(t, p.accepted, syscall.ECONNRESET)
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

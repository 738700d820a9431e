package drops_test

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

// wantReadAt reads what must come so long after start.
func wantReadAt(t *testing.T, c net.Conn, want string, start time.Time, after time.Duration) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("read %.80q, %v; want %.80q", b, err, want)
	}
	if got := time.Since(start); got != after {
		t.Fatalf("%.80q came after %v; want %v", want, got, after)
	}
}

func wantErrorAt(t *testing.T, c net.Conn, want error, start time.Time, after time.Duration) {
	t.Helper()
	n, err := c.Read(make([]byte, 64))
	if n != 0 || !errors.Is(err, want) || time.Since(start) != after {
		t.Fatalf("read %d bytes, %v after %v; want none, %v after %v", n, err, time.Since(start), want, after)
	}
}

func TestSlowDelaysEachByteByTheLatency(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		start := time.Now()
		wantInject(t, drops.Slow{Latency: time.Second}, p.dialed)
		wantWrite(t, p.dialed, "a")
		time.Sleep(300 * time.Millisecond)
		wantWrite(t, p.dialed, "b")
		wantWrite(t, p.accepted, "the other way")
		wantReadAt(t, p.dialed, "the other way", start, 300*time.Millisecond)
		wantReadAt(t, p.accepted, "a", start, time.Second)
		wantReadAt(t, p.accepted, "b", start, 1300*time.Millisecond)
	})
}

func TestSlowBoundsTheBandwidth(t *testing.T) {
	cases := []struct {
		bytes, bandwidth int
		want             time.Duration
	}{
		{1000, 1000, time.Second},
		{3, 10, 300 * time.Millisecond},
		{41, 10, 4100 * time.Millisecond},
		{1, 1, time.Second},
		{64 << 10, 64 << 10, time.Second},
		{64 << 10, 1, (64 << 10) * time.Second},
		{7, 1 << 40, 0},
	}
	for _, c := range cases {
		onMemory(t, func(t *testing.T, p pair) {
			start := time.Now()
			wantInject(t, drops.Slow{Latency: time.Minute, Bandwidth: c.bandwidth}, p.dialed)
			text := string(repeat('x', c.bytes))
			wantWrite(t, p.dialed, text)
			wantReadAt(t, p.accepted, text, start, time.Minute+c.want)
		})
	}
}

func TestSlowSendsOneAfterTheOther(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		start := time.Now()
		wantInject(t, drops.Slow{Bandwidth: 10}, p.dialed)
		wantWrite(t, p.dialed, "0123456789")
		wantWrite(t, p.dialed, "01234")
		wantReadAt(t, p.accepted, "0123456789", start, time.Second)
		wantReadAt(t, p.accepted, "01234", start, 1500*time.Millisecond)
		time.Sleep(time.Hour) // an idle link saves nothing up
		wantWrite(t, p.dialed, "01234")
		wantReadAt(t, p.accepted, "01234", start, time.Hour+2*time.Second)
	})
}

func TestJitterIsBoundedAndOrderedAndSeeded(t *testing.T) {
	const every, latency, jitter = 10 * time.Millisecond, time.Second, 100 * time.Millisecond
	arrivals := func(seed uint64) (all []time.Duration) {
		onMemory(t, func(t *testing.T, p pair) {
			start := time.Now()
			wantInject(t, drops.Slow{Latency: latency, Jitter: jitter, Seed: seed}, p.dialed)
			for i := range 50 {
				wantWrite(t, p.dialed, string(rune('0'+i)))
				time.Sleep(every)
			}
			for i := range 50 {
				wantRead(t, p.accepted, string(rune('0'+i)))
				all = append(all, time.Since(start))
			}
		})
		return all
	}
	first := arrivals(1)
	for i, at := range first {
		// What comes before may hold it up, so no more than the jitter in all.
		if sent := time.Duration(i) * every; at < sent+latency || at >= sent+latency+jitter {
			t.Errorf("written at %v, came at %v", sent, at)
		}
	}
	if !slices.Equal(first, arrivals(1)) || slices.Equal(first, arrivals(2)) {
		t.Error("the seed does not decide")
	}
}

func TestSlowTakesSoMuchAndThenBlocks(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		start := time.Now()
		wantInject(t, drops.Slow{Latency: time.Hour}, p.dialed)
		if n, err := p.dialed.Write(make([]byte, 64<<10)); n != 64<<10 || err != nil || time.Since(start) != 0 {
			t.Fatalf("wrote %d, %v after %v", n, err, time.Since(start))
		}
		_ = p.dialed.SetWriteDeadline(start.Add(time.Minute))
		if n, err := p.dialed.Write([]byte("x")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Fatalf("wrote %d, %v after %v", n, err, time.Since(start))
		}
		_ = p.dialed.SetWriteDeadline(time.Time{})
		if n, err := p.dialed.Write([]byte("x")); n != 1 || err != nil || time.Since(start) != time.Hour {
			t.Fatalf("wrote %d, %v after %v", n, err, time.Since(start))
		}
		wantReadAt(t, p.accepted, string(make([]byte, 64<<10)), start, time.Hour)
		wantReadAt(t, p.accepted, "x", start, 2*time.Hour)
	})
}

func TestHealDeliversWhatIsUnderWay(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		wantInject(t, drops.Slow{Latency: time.Hour, Jitter: time.Hour, Bandwidth: 1}, p.dialed)
		wantWrite(t, p.dialed, "all ")
		wantWrite(t, p.dialed, "at ")
		wantNothing(t, p.accepted)
		p.dialed.Heal()
		wantWrite(t, p.dialed, "once")
		wantRead(t, p.accepted, "all at once")
	})
}

func TestSlowKeepsTheOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		want := ""
		for i := range 200 {
			if i%20 == 0 {
				wantInject(t, drops.Slow{Latency: 5 * time.Millisecond / time.Duration(i+1), Jitter: time.Millisecond, Seed: uint64(i)}, p.dialed)
			}
			text := string(rune('0' + i))
			want += text
			wantWrite(t, p.dialed, text)
		}
		wantRead(t, p.accepted, want)
	})
}

func TestFINAndCloseComeBehindWhatIsUnderWay(t *testing.T) {
	for name, end := range map[string]func(c *drops.Conn) error{
		"FIN":         drops.FIN{}.Inject,
		"CloseWrite":  (*drops.Conn).CloseWrite,
		"Close":       (*drops.Conn).Close,
		"Close twice": func(c *drops.Conn) error { _ = c.Close(); _ = c.Close(); return nil },
		"half first":  func(c *drops.Conn) error { _ = c.CloseWrite(); return c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			onMemory(t, func(t *testing.T, p pair) {
				start := time.Now()
				wantInject(t, drops.Slow{Latency: 40 * time.Second}, p.dialed)
				wantWrite(t, p.dialed, "last")
				if err := end(p.dialed); err != nil {
					t.Fatal(err)
				}
				if _, err := p.dialed.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) && !errors.Is(err, net.ErrClosed) {
					t.Errorf("Write: %v", err)
				}
				wantReadAt(t, p.accepted, "last", start, 40*time.Second)
				wantErrorAt(t, p.accepted, io.EOF, start, 40*time.Second)
			})
		})
	}
}

// However slow the link: so that nothing outlives its program by more.
func TestWhatIsUnderWayAtACloseArrivesWithinAMinute(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		start := time.Now()
		wantInject(t, drops.Slow{Latency: 24 * time.Hour}, p.dialed)
		wantWrite(t, p.dialed, "last")
		time.Sleep(time.Second)
		_ = p.dialed.Close()
		wantReadAt(t, p.accepted, "last", start, time.Minute+time.Second)
		wantErrorAt(t, p.accepted, io.EOF, start, time.Minute+time.Second)
	})
}

func TestCloseOnASlowLinkReleasesAtOnce(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		start := time.Now()
		read := goRead(p.dialed)
		wantInject(t, drops.Slow{Latency: time.Hour}, p.dialed)
		write := goWrite(p.dialed, make([]byte, 65<<10))
		synctest.Wait()
		_ = p.dialed.Close()
		for name, done := range map[string]<-chan result{"Read": read, "Write": write} {
			if got := <-done; !errors.Is(got.err, net.ErrClosed) || time.Since(start) != 0 {
				t.Errorf("%s: %d, %v after %v", name, got.n, got.err, time.Since(start))
			}
		}
	})
}

func TestCloseReleasesAReadBeforeWhatIsUnderWayHasLeft(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		wantInject(t, drops.Slow{Latency: brief}, p.dialed)
		read := goRead(p.dialed)
		p.blocked(t, "Read")
		wantWrite(t, p.dialed, "last")
		_ = p.dialed.Close()
		if got := <-read; !errors.Is(got.err, net.ErrClosed) {
			t.Errorf("Read: %v", got.err)
		}
		wantRead(t, p.accepted, "last")
		wantReadError(t, p.accepted, io.EOF)
	})
}

func TestOrphanOfAPeerThatDoesNotReadIsReset(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		filled := fill(t, p.dialed)
		wantInject(t, drops.Slow{Latency: time.Hour}, p.dialed)
		wantWrite(t, p.dialed, "does not fit")
		_ = p.dialed.Close()
		time.Sleep(time.Hour + time.Minute + 1)
		wantRead(t, p.accepted, string(make([]byte, filled)))
		wantReadError(t, p.accepted, syscall.ECONNRESET)
	})
}

func TestResetDoesNotWaitForASlowLink(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		start := time.Now()
		wantInject(t, drops.Slow{Latency: time.Hour}, p.dialed)
		wantWrite(t, p.dialed, "lost")
		time.AfterFunc(time.Second, func() { _ = drops.Reset{}.Inject(p.dialed) })
		wantErrorAt(t, p.accepted, syscall.ECONNRESET, start, time.Second)
	})
}

// The tear comes behind what is under way, and Close does not make a FIN of it.
func TestTornOnASlowLink(t *testing.T) {
	for _, closes := range []bool{false, true} {
		onMemory(t, func(t *testing.T, p pair) {
			start := time.Now()
			own := goRead(p.dialed)
			synctest.Wait()
			wantInject(t, drops.Slow{Latency: 40 * time.Second}, p.dialed)
			wantWrite(t, p.dialed, "before ")
			wantInject(t, drops.Torn{After: 2}, p.dialed)
			if n, err := p.dialed.Write([]byte("torn")); n != 2 || !errors.Is(err, syscall.ECONNRESET) {
				t.Fatalf("wrote %d, %v", n, err)
			}
			if got := <-own; !errors.Is(got.err, syscall.ECONNRESET) || time.Since(start) != 0 {
				t.Fatalf("own Read: %v after %v", got.err, time.Since(start))
			}
			if closes {
				_ = p.dialed.Close()
			}
			wantReadAt(t, p.accepted, "before to", start, 40*time.Second)
			wantErrorAt(t, p.accepted, syscall.ECONNRESET, start, 40*time.Second)
		})
	}
}

// What could not be delivered is not lost in silence.
func TestAWriteBehindALostOneFails(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		wantInject(t, drops.Slow{Latency: time.Second}, p.dialed)
		wantWrite(t, p.dialed, "lost")
		_ = p.accepted.Close()
		time.Sleep(time.Second + 1)
		if n, err := p.dialed.Write([]byte("x")); n != 0 || !errors.Is(err, syscall.EPIPE) {
			t.Errorf("wrote %d, %v", n, err)
		}
		if err := (drops.Bytewise{}).Inject(p.dialed); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("Inject: %v", err)
		}
	})
}

// The program may close at the very moment at which the tear comes.
func TestCloseMakesNoFINOfATear(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		inner := &lingerer{Conn: p.dialed}
		c := drops.Wrap(inner)
		inner.before = func() { _ = c.Close() }
		wantInject(t, drops.Slow{Latency: time.Hour}, c)
		wantInject(t, drops.Torn{After: 2}, c)
		_, _ = c.Write([]byte("torn"))
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if want := []string{"linger", "close"}; !slices.Equal(inner.calls, want) {
			t.Errorf("%v; want %v", inner.calls, want)
		}
	})
}

func TestCloseMakesNoFINOfAReset(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		inner := &lingerer{Conn: p.dialed}
		c := drops.Wrap(inner)
		inner.before = func() { _ = c.Close() }
		wantInject(t, drops.Reset{}, c)
		if want := []string{"linger", "close"}; !slices.Equal(inner.calls, want) {
			t.Errorf("%v; want %v", inner.calls, want)
		}
	})
}

// lingerer notes how it is ended.
type lingerer struct {
	net.Conn
	before func() // SetLinger
	calls  []string
}

func (l *lingerer) SetLinger(int) error {
	l.before()
	l.calls = append(l.calls, "linger")
	return nil
}

func (l *lingerer) Close() error {
	l.calls = append(l.calls, "close")
	return l.Conn.Close()
}

func TestSlowThenSilenceDeliversAtHealing(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		start := time.Now()
		wantInject(t, drops.Slow{Latency: time.Second}, p.dialed)
		wantWrite(t, p.dialed, "held")
		wantInject(t, drops.Silence{Out: true}, p.dialed)
		time.AfterFunc(time.Hour, p.dialed.Heal)
		wantReadAt(t, p.accepted, "held", start, time.Hour)
	})
}

package drops_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

// The contract of net.Conn, with the kernel's TCP as the reference.

func TestBytesTravelBothWays(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		wantWrite(t, p.dialed, "ping")
		wantRead(t, p.accepted, "ping")
		wantWrite(t, p.accepted, "pong")
		wantRead(t, p.dialed, "pong")
	})
}

func TestEmptyReadAndWriteReturnAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		if n, err := p.dialed.Read(nil); n != 0 || err != nil {
			t.Errorf("Read(nil) = %d, %v", n, err)
		}
		if n, err := p.dialed.Write(nil); n != 0 || err != nil {
			t.Errorf("Write(nil) = %d, %v", n, err)
		}
	})
}

func TestCloseDeliversWhatWasWrittenThenEOF(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		wantWrite(t, p.dialed, "last words")
		_ = p.dialed.Close()
		wantRead(t, p.accepted, "last words")
		if rest, err := io.ReadAll(p.accepted); len(rest) != 0 || err != nil {
			t.Errorf("read %q, then %v; want io.EOF itself", rest, err)
		}
	})
}

func TestHalfCloseLeavesTheOtherDirection(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		if err := p.dialed.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		wantReadError(t, p.accepted, io.EOF)
		wantWriteError(t, p.dialed, syscall.EPIPE)
		wantWrite(t, p.accepted, "answer")
		wantRead(t, p.dialed, "answer")
	})
}

func TestCloseWithUnreadBytesResets(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		wantWrite(t, p.dialed, "never read")
		wantWrite(t, p.accepted, "bye")
		_ = p.accepted.Close()
		wantRead(t, p.dialed, "bye")
		wantReadError(t, p.dialed, syscall.ECONNRESET)
	})
}

func TestWriteToAClosedPeerFails(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		_ = p.accepted.Close()
		wantWriteError(t, p.dialed, syscall.EPIPE, syscall.ECONNRESET)
	})
}

func TestCloseReleasesOwnCalls(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		read := goRead(p.dialed)
		p.blocked(t, "Read")
		write := goWrite(p.dialed, make([]byte, huge))
		p.blocked(t, "Write")
		_ = p.dialed.Close()
		if got := <-read; !errors.Is(got.err, net.ErrClosed) {
			t.Errorf("Read: %v", got.err)
		}
		if got := <-write; !errors.Is(got.err, net.ErrClosed) {
			t.Errorf("Write: %v", got.err)
		}
	})
}

func TestEverythingFailsAfterClose(t *testing.T) {
	calls := map[string]func(c *drops.Conn) error{
		"Read":             func(c *drops.Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		"Write":            func(c *drops.Conn) error { _, err := c.Write([]byte("x")); return err },
		"Close":            func(c *drops.Conn) error { return c.Close() },
		"CloseWrite":       func(c *drops.Conn) error { return c.CloseWrite() },
		"SetDeadline":      func(c *drops.Conn) error { return c.SetDeadline(time.Now()) },
		"SetReadDeadline":  func(c *drops.Conn) error { return c.SetReadDeadline(time.Now()) },
		"SetWriteDeadline": func(c *drops.Conn) error { return c.SetWriteDeadline(time.Now()) },
		"reset":            func(c *drops.Conn) error { return drops.Reset{}.Inject(c) },
		"silence":          func(c *drops.Conn) error { return drops.Silence{}.Inject(c) },
		"silence out":      func(c *drops.Conn) error { return drops.Silence{Out: true}.Inject(c) },
		"stall":            func(c *drops.Conn) error { return drops.Stall{}.Inject(c) },
		"torn":             func(c *drops.Conn) error { return drops.Torn{}.Inject(c) },
		"close code":       func(c *drops.Conn) error { return drops.CloseCode{}.Inject(c) },
	}
	onBoth(t, func(t *testing.T, p pair) {
		if err := p.dialed.Close(); err != nil {
			t.Fatal(err)
		}
		for name, call := range calls {
			if err := call(p.dialed); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestPastDeadlineWinsOverWaitingBytes(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		wantWrite(t, p.accepted, "waiting")
		_ = p.dialed.SetDeadline(time.Unix(1, 0))
		if n, err := p.dialed.Read(make([]byte, 8)); n != 0 || !isTimeout(err) {
			t.Errorf("Read = %d, %v", n, err)
		}
		if n, err := p.dialed.Write([]byte("x")); n != 0 || !isTimeout(err) {
			t.Errorf("Write = %d, %v", n, err)
		}
		_ = p.dialed.SetDeadline(time.Time{})
		wantRead(t, p.dialed, "waiting")
		wantWrite(t, p.dialed, "x")
	})
}

func TestDeadlineReachesACallThatIsBlocked(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		read := goRead(p.dialed)
		p.blocked(t, "Read")
		write := goWrite(p.dialed, make([]byte, huge))
		p.blocked(t, "Write")
		_ = p.dialed.SetDeadline(time.Unix(1, 0))
		if got := <-read; !isTimeout(got.err) {
			t.Errorf("Read: %v", got.err)
		}
		if got := <-write; !isTimeout(got.err) {
			t.Errorf("Write: %v", got.err)
		}
	})
}

func TestDeadlineMayBePutOff(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		_ = p.dialed.SetReadDeadline(time.Now().Add(time.Hour))
		read := goRead(p.dialed)
		p.blocked(t, "Read")
		_ = p.dialed.SetReadDeadline(time.Time{})
		wantWrite(t, p.accepted, "late")
		if got := <-read; got.text != "late" || got.err != nil {
			t.Errorf("read %q, %v", got.text, got.err)
		}
	})
}

func TestConcurrentWritesAreNotInterleaved(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		const size = 100 << 10 // more than the buffer
		var writers sync.WaitGroup
		for _, letter := range "abc" {
			writers.Go(func() {
				_, _ = p.dialed.Write(repeat(byte(letter), size))
			})
		}
		go func() {
			writers.Wait()
			_ = p.dialed.CloseWrite()
		}()
		all := must(io.ReadAll(p.accepted))
		if len(all) != 3*size {
			t.Fatalf("read %d bytes", len(all))
		}
		for i := range all {
			if all[i] != all[i/size*size] {
				t.Fatalf("byte %d is %q inside a run of %q", i, all[i], all[i/size*size])
			}
		}
	})
}

func TestAllMethodsAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		open(t, p)
		everythingAtOnce(t, p)
	})
	onTLS(t, func(t *testing.T, p, _ pair) {
		open(t, p)
		everythingAtOnce(t, p)
	})
}

// everythingAtOnce ends with both ends closed, and nobody blocked.
func everythingAtOnce(t *testing.T, p pair) {
	t.Helper()
	healed := []drops.Fault{
		drops.Silence{}, drops.Silence{In: true}, drops.Silence{Out: true}, drops.Stall{}, drops.Bytewise{},
		drops.Slow{Latency: time.Microsecond, Jitter: time.Microsecond, Bandwidth: 1 << 30}, drops.Pongs{}, drops.Pongs{Late: 1},
		drops.Unasked{Payload: "unasked"}, drops.Garbage{}, drops.BadUTF8{}, drops.Oversized{Bytes: 1000}, drops.CloseCode{Twice: true},
	}
	final := []drops.Fault{drops.FIN{}, drops.Torn{After: 3}, drops.CloseCode{Leave: true}, drops.Reset{}}
	var users sync.WaitGroup
	for _, c := range []*drops.Conn{p.dialed, p.accepted} {
		for i := range 2 {
			users.Go(func() { _, _ = io.Copy(io.Discard, c) })
			users.Go(func() {
				f := wireFrame{finBit | pongOp, c == p.dialed, "pong"}
				for range 100 {
					_, _ = io.WriteString(c, f.encode())
					_ = c.SetDeadline(time.Now().Add(time.Hour))
				}
			})
			users.Go(func() {
				for j := range 100 {
					f := healed[(i+j)%len(healed)]
					if i == 0 {
						_ = f.Inject(c)
					} else {
						_ = c.InjectFor(f, 1)
					}
					c.Heal()
				}
				for _, f := range final {
					_ = f.Inject(c)
				}
				_ = c.Close()
			})
		}
	}
	users.Wait()
}

func TestWrapKeepsAConn(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		if drops.Wrap(p.dialed) != p.dialed {
			t.Error("a Conn was wrapped again")
		}
	})
}

func repeat(b byte, n int) []byte {
	s := make([]byte, n)
	for i := range s {
		s[i] = b
	}
	return s
}

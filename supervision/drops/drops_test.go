package drops_test

import (
	"errors"
	"net"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tetherws/tether/supervision/drops"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	// generous bounds waits on real sockets: only a broken test reaches it.
	generous = 10 * time.Second
	// brief is how long a call is tried that should block.
	brief = 20 * time.Millisecond
	// huge is a write that no buffer takes whole.
	huge = 48 << 20
)

// pair is both ends of a connection, in memory or over loopback.
type pair struct {
	dialed, accepted *drops.Conn
	// blocked returns once a goroutine is blocked in the Conn's method.
	blocked func(t *testing.T, method string)
}

// onBoth runs a test on an in-memory connection in virtual time and on a real
// one, and closes both ends after it.
func onBoth(t *testing.T, test func(t *testing.T, p pair)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { onMemory(t, test) })
	t.Run("tcp", func(t *testing.T) {
		dialed, accepted := dialTCP(t)
		test(t, pair{dialed, accepted, blockedInKernel})
	})
}

func onMemory(t *testing.T, test func(t *testing.T, p pair)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := dialMemory(t, drops.NewNetwork())
		test(t, pair{c, c.Other(), func(*testing.T, string) { synctest.Wait() }})
	})
}

func dialMemory(t *testing.T, n *drops.Network) *drops.Conn {
	t.Helper()
	l := must(n.Listen("server:80"))
	defer l.Close()
	c := must(n.DialContext(t.Context(), "tcp", "server:80")).(*drops.Conn)
	closeAfter(t, c, must(l.Accept()))
	return c
}

func dialTCP(t *testing.T) (dialed, accepted *drops.Conn) {
	t.Helper()
	l := drops.Listen(must(net.Listen("tcp", "127.0.0.1:0")))
	defer l.Close()
	dialed = drops.Wrap(must(net.Dial("tcp", l.Addr().String())))
	accepted = must(l.Accept()).(*drops.Conn)
	closeAfter(t, dialed, accepted)
	return dialed, accepted
}

func closeAfter(t *testing.T, conns ...net.Conn) {
	t.Cleanup(func() {
		for _, c := range conns {
			_ = c.Close()
		}
	})
}

// blockedInKernel looks for the goroutine in the stacks of all.
func blockedInKernel(t *testing.T, method string) {
	t.Helper()
	waits := regexp.MustCompile(`^goroutine \d+ \[IO wait`)
	stacks := make([]byte, 1<<20)
	for start := time.Now(); time.Since(start) < generous; runtime.Gosched() {
		all := string(stacks[:runtime.Stack(stacks, true)])
		for _, stack := range strings.Split(all, "\n\n") {
			if waits.MatchString(stack) && strings.Contains(stack, "drops.(*Conn)."+method+"(") {
				return
			}
		}
	}
	t.Fatalf("nobody is blocked in %s", method)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// result is what a call of Read or Write returned.
type result struct {
	text string // what was read
	n    int
	err  error
}

func goRead(c net.Conn) <-chan result {
	done := make(chan result, 1)
	go func() {
		b := make([]byte, 64)
		n, err := c.Read(b)
		done <- result{string(b[:n]), n, err}
	}()
	return done
}

func goWrite(c net.Conn, b []byte) <-chan result {
	done := make(chan result, 1)
	go func() {
		n, err := c.Write(b)
		done <- result{"", n, err}
	}()
	return done
}

// wantRead reads until it has all of want.
func wantRead(t *testing.T, c net.Conn, want string) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(generous))
	defer c.SetReadDeadline(time.Time{})
	b := make([]byte, len(want))
	for n := 0; n < len(want); {
		m, err := c.Read(b[n:])
		n += m
		if err != nil {
			t.Fatalf("read %q, then %v; want %q", b[:n], err, want)
		}
	}
	if string(b) != want {
		t.Fatalf("read %q; want %q", b, want)
	}
}

func wantReadError(t *testing.T, c net.Conn, want error) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(generous))
	n, err := c.Read(make([]byte, 64))
	if n != 0 || !errors.Is(err, want) {
		t.Fatalf("read %d bytes, %v; want none, %v", n, err, want)
	}
}

// wantNothing reads for a while and must time out.
func wantNothing(t *testing.T, c net.Conn) {
	t.Helper()
	start := time.Now()
	_ = c.SetReadDeadline(start.Add(brief))
	n, err := c.Read(make([]byte, 64))
	if n != 0 || !isTimeout(err) || time.Since(start) < brief {
		t.Fatalf("read %d bytes, %v after %v; want a timeout after %v", n, err, time.Since(start), brief)
	}
	_ = c.SetReadDeadline(time.Time{})
}

func wantWrite(t *testing.T, c net.Conn, text string) {
	t.Helper()
	_ = c.SetWriteDeadline(time.Now().Add(generous))
	defer c.SetWriteDeadline(time.Time{})
	if n, err := c.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("wrote %d of %d bytes, %v", n, len(text), err)
	}
}

// wantWriteError writes until it fails, as TCP does late.
func wantWriteError(t *testing.T, c net.Conn, want ...error) {
	t.Helper()
	_ = c.SetWriteDeadline(time.Now().Add(generous))
	for {
		_, err := c.Write([]byte("x"))
		for _, w := range want {
			if errors.Is(err, w) {
				return
			}
		}
		if err != nil {
			t.Fatalf("write: %v; want one of %v", err, want)
		}
	}
}

// fill writes until nothing more fits, and returns how much did.
func fill(t *testing.T, c net.Conn) (total int) {
	t.Helper()
	defer c.SetWriteDeadline(time.Time{})
	for {
		_ = c.SetWriteDeadline(time.Now().Add(brief))
		n, err := c.Write(make([]byte, 32<<10))
		total += n
		if isTimeout(err) {
			return total
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// drain reads until nothing comes, and returns how much did.
func drain(t *testing.T, c net.Conn) (total int) {
	t.Helper()
	defer c.SetReadDeadline(time.Time{})
	b := make([]byte, 1<<20)
	for {
		_ = c.SetReadDeadline(time.Now().Add(brief))
		n, err := c.Read(b)
		total += n
		if isTimeout(err) {
			return total
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) && errors.As(err, &e) && e.Timeout()
}

package drops_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

func TestDialWithNobodyListening(t *testing.T) {
	n := drops.NewNetwork()
	_, err := n.DialContext(t.Context(), "tcp", "server:80")
	var op *net.OpError
	if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || op.Op != "dial" {
		t.Fatal(err)
	}
	if len(n.Conns()) != 0 {
		t.Error("a refused connection is live")
	}
}

func TestDialWithAnEndedContext(t *testing.T) {
	n := drops.NewNetwork()
	defer must(n.Listen("server:80")).Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.DialContext(ctx, "tcp", "server:80"); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestAddressIsFreeAgainAfterClose(t *testing.T) {
	n := drops.NewNetwork()
	l := must(n.Listen("server:80"))
	if _, err := n.Listen("server:80"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	if err := must(n.Listen("server:80")).Close(); err != nil {
		t.Error(err)
	}
}

func TestClosedListenerReleasesAcceptAndResetsItsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := drops.NewNetwork()
		l := must(n.Listen("server:80"))
		c := must(n.DialContext(t.Context(), "tcp", "server:80"))
		accepted := must(l.Accept())
		closeAfter(t, c, accepted)
		done := make(chan error)
		go func() { _, err := l.Accept(); done <- err }()
		synctest.Wait()
		_ = l.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept: %v", err)
		}
		wantWrite(t, c, "still there")
		wantRead(t, accepted, "still there")

		l = must(n.Listen("server:80"))
		queued := must(n.DialContext(t.Context(), "tcp", "server:80"))
		closeAfter(t, queued)
		_ = l.Close()
		wantReadError(t, queued, syscall.ECONNRESET)
	})
}

func TestEachConnectionHasItsOwnAddress(t *testing.T) {
	n := drops.NewNetwork()
	l := must(n.Listen("server:80"))
	defer l.Close()
	seen := make(map[string]bool)
	for range 300 {
		c := must(n.DialContext(t.Context(), "tcp", "server:80"))
		accepted := must(l.Accept())
		closeAfter(t, c, accepted)
		local := c.LocalAddr().String()
		if _, _, err := net.SplitHostPort(local); err != nil || seen[local] {
			t.Fatalf("local address %q, %v", local, err)
		}
		seen[local] = true
		if c.RemoteAddr().String() != "server:80" || accepted.LocalAddr() != c.RemoteAddr() || accepted.RemoteAddr() != c.LocalAddr() {
			t.Fatalf("%v -> %v, %v <- %v", c.LocalAddr(), c.RemoteAddr(), accepted.LocalAddr(), accepted.RemoteAddr())
		}
	}
}

func TestConnsAreTheLiveOnesInOrder(t *testing.T) {
	n := drops.NewNetwork()
	inner := must(n.Listen("server:80"))
	l := drops.Listen(inner)
	defer l.Close()
	var dialed, accepted []*drops.Conn
	for range 4 {
		dialed = append(dialed, must(n.DialContext(t.Context(), "tcp", "server:80")).(*drops.Conn))
		accepted = append(accepted, must(l.Accept()).(*drops.Conn))
		closeAfter(t, dialed[len(dialed)-1], accepted[len(accepted)-1])
	}
	if !slices.Equal(n.Conns(), dialed) || !slices.Equal(l.Conns(), accepted) {
		t.Fatal("not all, or not in order")
	}
	for i, c := range dialed {
		if c.Other() != accepted[i] || accepted[i].Other() != c {
			t.Fatalf("connection %d has the wrong other end", i)
		}
	}
	_ = dialed[0].Close()
	_ = drops.Reset{}.Inject(dialed[2])
	_ = accepted[3].Close()
	if got := n.Conns(); !slices.Equal(got, []*drops.Conn{dialed[1], dialed[3]}) {
		t.Errorf("dialing ends: %v", got)
	}
	if got := l.Conns(); !slices.Equal(got, accepted[:3]) {
		t.Errorf("accepting ends: %v", got)
	}
}

func TestDeadlinesAreExactInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dialMemory(t, drops.NewNetwork())
		start := time.Now()
		_ = c.SetReadDeadline(start.Add(time.Hour))
		if got := <-goRead(c); !isTimeout(got.err) || time.Since(start) != time.Hour {
			t.Errorf("Read: %v after %v", got.err, time.Since(start))
		}
		_ = c.SetWriteDeadline(start.Add(3 * time.Hour))
		if got := <-goWrite(c, make([]byte, 1<<20)); !isTimeout(got.err) || got.n != 64<<10 || time.Since(start) != 3*time.Hour {
			t.Errorf("Write: %d, %v after %v", got.n, got.err, time.Since(start))
		}
	})
}

func TestBufferBoundsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := drops.NewNetwork()
		n.Buffer = 10
		c := dialMemory(t, n)
		if got := fill(t, c); got != 10 {
			t.Fatalf("%d bytes fit", got)
		}
		write := goWrite(c, make([]byte, 4))
		synctest.Wait()
		_, _ = c.Other().Read(make([]byte, 3))
		synctest.Wait()
		select {
		case <-write:
			t.Fatal("4 bytes fit where 3 were free")
		default:
		}
		_, _ = c.Other().Read(make([]byte, 1))
		if got := <-write; got.n != 4 || got.err != nil {
			t.Errorf("Write: %d, %v", got.n, got.err)
		}
	})
}

// net/http reads in the background of a handler and fetches that read back by
// a deadline when the handler hijacks or the request ends.
func TestHTTPServerServesAndKeepsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := drops.NewNetwork()
		serve(t, n, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Minute)
			fmt.Fprint(w, r.URL.Path)
		}))
		c := must(n.DialContext(t.Context(), "tcp", "server:80"))
		closeAfter(t, c)
		answers := bufio.NewReader(c)
		for _, path := range []string{"/one", "/two"} {
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: server\r\n\r\n", path)
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if string(body) != path || err != nil {
				t.Errorf("GET %s: %q, %v", path, body, err)
			}
		}
	})
}

func TestWebSocketsForADayInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := drops.NewNetwork()
		serve(t, n, http.HandlerFunc(echo))
		ws := dialWebSocket(t, n)
		start := time.Now()
		for range 24 {
			time.Sleep(time.Hour)
			if err := ws.WriteMessage(websocket.TextMessage, []byte("beat")); err != nil {
				t.Fatal(err)
			}
			if _, data, err := ws.ReadMessage(); err != nil || string(data) != "beat" {
				t.Fatalf("%q, %v", data, err)
			}
		}
		if got := time.Since(start); got != 24*time.Hour {
			t.Errorf("took %v", got)
		}
	})
}

// serve runs handler at "server:80" until the test ends.
func serve(t *testing.T, n *drops.Network, handler http.Handler) {
	t.Helper()
	l := must(n.Listen("server:80"))
	server := &http.Server{Handler: handler}
	go server.Serve(l)
	t.Cleanup(func() { _ = server.Close() })
}

func dialWebSocket(t *testing.T, n *drops.Network) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{NetDialContext: n.DialContext}
	ws, _, err := dialer.Dial("ws://server/", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	return ws
}

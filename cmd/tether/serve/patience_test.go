package serve_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/cmd/tether/serve"
	"github.com/tetherws/tether/supervision/drops"
)

const (
	public  = "localhost:8080"
	control = "localhost:8081"
)

// virtual runs test in a bubble, with a gateway on an in-memory network, and
// returns how long the gateway took to end.
func virtual(t *testing.T, test func(t *testing.T, n *drops.Network), args ...string) (took time.Duration) {
	// The first subscriber starts the goroutine that signals come by: not in a bubble.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	synctest.Test(t, func(t *testing.T) {
		cfg := mustParse(t, append([]string{"--listen", public, "--control", control, "--echo"}, args...)...)
		n := drops.NewNetwork()
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- serve.RunOn(ctx, cfg, n.Listen, io.Discard) }()
		synctest.Wait()
		test(t, n)
		began := time.Now()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		took = time.Since(began)
	})
	return took
}

func connect(t *testing.T, n *drops.Network, addr string) net.Conn {
	t.Helper()
	conn, err := n.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// trickle writes text at once, and then one byte more each second until that
// fails.
func trickle(conn net.Conn, text, more string) {
	_, err := io.WriteString(conn, text)
	for err == nil {
		time.Sleep(time.Second)
		_, err = io.WriteString(conn, more)
	}
}

// untilCut returns for how long the peer keeps the connection that trickles.
func untilCut(conn net.Conn, text, more string) time.Duration {
	began := time.Now()
	var trickling sync.WaitGroup
	trickling.Go(func() { trickle(conn, text, more) })
	_, _ = io.Copy(io.Discard, conn)
	took := time.Since(began)
	_ = conn.Close()
	trickling.Wait()
	return took
}

func TestSlowHeadersAreDroppedOnTimeWhileAGoodClientConnects(t *testing.T) {
	virtual(t, func(t *testing.T, n *drops.Network) {
		var slow sync.WaitGroup
		for i := range 1000 {
			conn := connect(t, n, public)
			text := []string{"", "G", "GET /ws HTTP/1.1\r\nHost: localhost\r\nX: "}[i%3]
			slow.Go(func() {
				if took := untilCut(conn, text, "x"); took != 5*time.Second {
					t.Errorf("a client that trickles after %q was kept for %v", text, took)
				}
			})
		}
		dialer := websocket.Dialer{NetDialContext: n.DialContext}
		good, _, err := dialer.Dial("ws://"+public+"/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		slow.Wait()
		wantEcho(t, good, "hello")
		_ = good.Close()
	})
}

func TestTheTimeForHeadersIsTheConfigs(t *testing.T) {
	virtual(t, func(t *testing.T, n *drops.Network) {
		if took := untilCut(connect(t, n, public), "GET", "x"); took != 2*time.Second {
			t.Errorf("a slow client was kept for %v", took)
		}
	}, "--header-timeout=2s")
}

func TestAClientThatIsAcceptedIsUnderNoTimeoutOfTheServer(t *testing.T) {
	virtual(t, func(t *testing.T, n *drops.Network) {
		dialer := websocket.Dialer{NetDialContext: n.DialContext}
		client, _, err := dialer.Dial("ws://"+public+"/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		var reading sync.WaitGroup
		reading.Go(func() { // answers pings
			for {
				if _, _, err := client.ReadMessage(); err != nil {
					return
				}
			}
		})
		time.Sleep(time.Hour)
		if err := client.WriteMessage(websocket.TextMessage, []byte("still here")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		_ = client.Close()
		reading.Wait()
	})
}

func TestASilentClientIsDroppedOnTime(t *testing.T) {
	virtual(t, func(t *testing.T, n *drops.Network) {
		dialer := websocket.Dialer{NetDialContext: n.DialContext}
		client, _, err := dialer.Dial("ws://"+public+"/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		client.SetPingHandler(func(string) error { return nil })
		began := time.Now()
		_, _, _ = client.ReadMessage()
		if took := time.Since(began); took > 5*time.Second { // the first ping may come before its time
			t.Errorf("it was kept for %v", took)
		}
	}, "--heartbeat-idle=3s", "--heartbeat-timeout=2s")
}

func TestSlowBodiesAreDroppedOnTime(t *testing.T) {
	const head = " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
	virtual(t, func(t *testing.T, n *drops.Network) {
		for addr, want := range map[string]time.Duration{public: 5 * time.Second, control: 30 * time.Second} {
			if took := untilCut(connect(t, n, addr), "POST /metrics"+head, "x"); took != want {
				t.Errorf("a client of %s was kept for %v, want %v", addr, took, want)
			}
		}
	})
}

func TestLongHeadersAreRefused(t *testing.T) {
	virtual(t, func(t *testing.T, n *drops.Network) {
		for _, addr := range []string{public, control} {
			conn := connect(t, n, addr)
			_, _ = io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 20<<10)+"\r\n\r\n")
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || !strings.HasPrefix(line, "HTTP/1.1 431 ") {
				t.Errorf("%s answers %q, %v", addr, line, err)
			}
			_ = conn.Close()
		}
	})
}

func TestAStreamOutlivesTheTimeForARequestAndEndsWithTheGateway(t *testing.T) {
	took := virtual(t, func(t *testing.T, n *drops.Network) {
		conn := connect(t, n, control)
		_, _ = io.WriteString(conn, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		answer := bufio.NewReader(conn)
		if line, err := answer.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200 ") {
			t.Fatalf("answered %q, %v", line, err)
		}
		began, ended := time.Now(), make(chan struct{})
		go func() { // the bubble waits for it
			_, _ = io.Copy(io.Discard, answer)
			_ = conn.Close()
			close(ended)
		}()
		select {
		case <-ended:
			t.Errorf("the stream ended after %v", time.Since(began))
		case <-time.After(time.Hour):
		}
	})
	if took >= time.Second {
		t.Errorf("the gateway took %v to end", took)
	}
}

func TestAListenerThatFailsEndsTheGatewayWithItsError(t *testing.T) {
	broken := errors.New("broken")
	cfg := mustParse(t, "--listen", public, "--control", control, "--drain-spread=0s")
	n := drops.NewNetwork()
	listen := func(addr string) (net.Listener, error) {
		l, err := n.Listen(addr)
		if addr == public {
			l = failing{l, broken}
		}
		return l, err
	}
	if err := serve.RunOn(t.Context(), cfg, listen, io.Discard); !errors.Is(err, broken) {
		t.Errorf("ended with %v", err)
	}
}

type failing struct {
	net.Listener
	err error
}

func (l failing) Accept() (net.Conn, error) { return nil, l.err }

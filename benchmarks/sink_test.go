//go:build unix

package benchmarks_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"
)

// sink is a plain WebSocket server in another process.
type sink string // its host and port

// startSink runs a sink until the end of the benchmark.
func startSink(tb testing.TB) sink {
	tb.Helper()
	command := inRole("sink")
	stdin, err := command.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := command.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		stdin.Close()
		if err := command.Wait(); err != nil {
			tb.Error(err)
		}
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	return sink(strings.TrimSpace(address))
}

// discard is where a connection's bytes are counted unparsed, which leaves
// the processor to the sender. Nothing is ever answered there.
func (s sink) discard() string { return "ws://" + string(s) + "/discard" }

// answer is where a connection's pings are answered.
func (s sink) answer() string { return "ws://" + string(s) + "/answer" }

// received returns how many bytes came in at discard after the handshakes.
func (s sink) received() (uint64, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + string(s) + "/received")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(text), 10, 64)
}

// serveSink is the sink's process: it prints its address and serves until
// stdin ends, which it does when the parent dies.
func serveSink(stdin io.Reader, stdout io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var received atomic.Uint64
	upgrader := websocket.Upgrader{ReadBufferSize: 256, WriteBufferSize: 256}
	upgraded := func(serve func(*websocket.Conn)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if conn, err := upgrader.Upgrade(w, r, nil); err == nil {
				defer conn.Close()
				serve(conn)
			}
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/answer", upgraded(readAll))
	mux.Handle("/discard", upgraded(func(c *websocket.Conn) { count(c.NetConn(), &received) }))
	mux.HandleFunc("/received", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, received.Load()) })
	go http.Serve(listener, mux)
	fmt.Fprintln(stdout, listener.Addr())
	_, err = io.Copy(io.Discard, stdin)
	return err
}

// readAll reads until the end. Reading is what answers the pings.
func readAll(conn *websocket.Conn) {
	for {
		if _, _, err := conn.NextReader(); err != nil {
			return
		}
	}
}

func count(conn net.Conn, total *atomic.Uint64) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buffer)
		total.Add(uint64(n))
		if err != nil {
			return
		}
	}
}

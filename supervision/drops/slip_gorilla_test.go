package drops_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

func TestAFaultsFrameIsInvisibleToWhatGorillaReads(t *testing.T) {
	for _, compress := range []bool{false, true} {
		for name, wrap := range map[string]func(*drops.Conn) net.Conn{
			"as they are":  func(c *drops.Conn) net.Conn { return c },
			"byte by byte": func(c *drops.Conn) net.Conn { return byteWriter{c} },
			"glued":        func(c *drops.Conn) net.Conn { return &gluer{Conn: c} },
		} {
			t.Run(fmt.Sprintf("%s, compressed: %v", name, compress), func(t *testing.T) {
				onBoth(t, func(t *testing.T, p pair) {
					client, server := handshakeOver(t, wrap(p.dialed), wrap(p.accepted), compress)
					var sides sync.WaitGroup
					sides.Go(func() { talk(t, client, server, p.dialed) })
					sides.Go(func() { talk(t, server, client, p.accepted) })
					sides.Wait()
				})
			})
		}
	}
}

// talk sends messages, in fragments, while pongs are injected.
func talk(t *testing.T, from, to *websocket.Conn, c *drops.Conn) {
	const messages, pongs = 20, 100
	var injecting sync.WaitGroup
	injecting.Go(func() {
		for i := range pongs {
			if err := (drops.Unasked{Payload: fmt.Sprint(i)}).Inject(c); err != nil {
				t.Error(err)
			}
		}
	})
	heard := 0
	to.SetPongHandler(func(payload string) error {
		if payload != fmt.Sprint(heard) {
			t.Errorf("pong %q; want %d", payload, heard)
		}
		heard++
		return nil
	})
	go func() {
		for i := range messages {
			w := must(from.NextWriter(websocket.TextMessage))
			for range 3 {
				_, _ = io.WriteString(w, strings.Repeat(string(rune('a'+i)), 3000))
			}
			_ = w.Close()
		}
		injecting.Wait()
		_ = from.WriteMessage(websocket.TextMessage, nil)
	}()
	for i := range messages {
		_, data, err := to.ReadMessage()
		if err != nil || string(data) != strings.Repeat(string(rune('a'+i)), 9000) {
			t.Errorf("message %d: %d bytes, %v", i, len(data), err)
			return
		}
	}
	if _, _, err := to.ReadMessage(); err != nil || heard != pongs {
		t.Errorf("%d pongs, %v", heard, err)
	}
}

// byteWriter writes single bytes.
type byteWriter struct{ *drops.Conn }

func (w byteWriter) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		_, err = w.Conn.Write(b[n : n+1])
		n++
	}
	return n, err
}

// gluer writes all fragments of a message at once.
type gluer struct {
	*drops.Conn
	kept []byte
}

func (g *gluer) Write(b []byte) (int, error) {
	g.kept = append(g.kept, b...)
	if opcode := b[0] & 0xf; b[0]&finBit == 0 && opcode <= binaryOp {
		return len(b), nil
	}
	_, err := g.Conn.Write(g.kept)
	g.kept = nil
	return len(b), err
}

func TestGorillaAnswersBadFramesAsItMust(t *testing.T) {
	cases := []struct {
		fault drops.Fault
		code  int
	}{
		{drops.Garbage{}, websocket.CloseProtocolError},
		{drops.Oversized{Bytes: 2000}, websocket.CloseMessageTooBig},
		{drops.CloseCode{Code: 1006}, websocket.CloseProtocolError},
	}
	for _, c := range cases {
		t.Run(c.fault.String(), func(t *testing.T) {
			onBoth(t, func(t *testing.T, p pair) {
				client, server := handshake(t, p)
				server.SetReadLimit(1000)
				wantInject(t, c.fault, p.dialed)
				if _, _, err := server.ReadMessage(); err == nil {
					t.Error("the server read it")
				}
				if _, _, err := client.ReadMessage(); !websocket.IsCloseError(err, c.code) {
					t.Errorf("%v; want %d", err, c.code)
				}
			})
		})
	}
}

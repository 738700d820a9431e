package actors_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
	"golang.org/x/net/http/httpguts"
)

// FuzzFrames sends any bytes to a connection, accepted or dialed, and to
// gorilla in its place: both must take the same messages from them, but for
// text that is not UTF-8, which gorilla lets through.
func FuzzFrames(f *testing.F) {
	for _, v := range violations {
		for _, masks := range []bool{true, false} {
			p := &raw{masks: masks, limit: 1 << 8}
			f.Add(append(p.frame(finText, []byte("before")), v.send(p)...), masks, false)
		}
	}
	for _, masks := range []bool{true, false} {
		z := deflated([]byte("compressed, compressed, compressed"))
		f.Add(slices.Concat(encode(firstText|rsv1, z[:3], masks), encode(finPing, nil, masks), encode(finMore, z[3:], masks)), masks, true)
		f.Add(encode(finText|rsv1, nil, masks), masks, true)
		f.Add(encode(finBinary|rsv1, append(z, 1, 0, 0, 0xff, 0xff), masks), masks, true)
		f.Add(slices.Concat(encode(finClose, closePayload(1000, "bye"), masks), encode(finText, []byte("late"), masks)), masks, false)
		f.Add(encode(finBinary, pattern(70_000), masks), masks, false)
		f.Add([]byte{}, masks, false)
	}
	f.Fuzz(func(t *testing.T, stream []byte, accepted, compress bool) {
		config := actors.Config{ReadLimitDialed: 64 << 10, Upgrader: &websocket.Upgrader{EnableCompression: compress}}
		open := rawServer
		if accepted {
			open = rawClient
		}
		bubble(t, config, func(t *testing.T, w *world) {
			p := open(w, compress)
			defer p.Close()
			pour(p, p.in, stream)
			p.cause()
			got := slices.DeleteFunc(p.said.all(), func(s string) bool { return s == "opened" || s == "dropped" || s == "closed" })
			want := asGorillaReads(t, w, stream, accepted, compress)
			if compress && len(want) == len(got)+1 {
				want = want[:len(got)] // gorilla takes a torn frame whose compressed data ends early
			}
			if !slices.Equal(got, want) {
				t.Errorf("took %q, and gorilla %q", got, want)
			}
		})
	})
}

// pour writes all of stream and its end, and reads until the other side ends.
func pour(c io.WriteCloser, answers io.Reader, stream []byte) {
	go func() {
		_, _ = c.Write(stream)
		_ = c.(interface{ CloseWrite() error }).CloseWrite()
	}()
	_, _ = io.Copy(io.Discard, answers)
}

// CloseWrite ends what the peer sends.
func (p *raw) CloseWrite() error { return p.Conn.(*drops.Conn).CloseWrite() }

// asGorillaReads is what gorilla takes from the stream, up to text that is
// not UTF-8.
func asGorillaReads(t *testing.T, w *world, stream []byte, accepts, compress bool) (all []string) {
	t.Helper()
	reader, writer := gorillaPair(w, accepts, compress)
	defer reader.Close()
	defer writer.Close()
	go pour(writer, writer, stream)
	reader.SetReadLimit(64 << 10)
	for {
		kind, data, err := reader.ReadMessage()
		if err != nil || len(data) > 64<<10 || kind == websocket.TextMessage && !utf8.Valid(data) {
			return all
		}
		all = append(all, fmt.Sprintf("%v %s", messages.Kind(kind), data))
	}
}

// gorillaPair connects gorilla to bytes.
func gorillaPair(w *world, accepts, compress bool) (reader *websocket.Conn, writer *drops.Conn) {
	sockets := make(chan *websocket.Conn, 1)
	up := websocket.Upgrader{EnableCompression: compress}
	addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
		ws, err := up.Upgrade(rw, r, nil)
		if err != nil {
			w.t.Error(err)
		}
		sockets <- ws
	})
	dialer := websocket.Dialer{NetDialContext: w.net.DialContext, EnableCompression: compress}
	client, _, err := dialer.Dial("ws://"+addr+"/", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	server := <-sockets
	if accepts {
		return server, client.NetConn().(*drops.Conn)
	}
	return client, server.NetConn().(*drops.Conn)
}

// FuzzFrameWriter sends any messages: gorilla must read them back.
func FuzzFrameWriter(f *testing.F) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 70_000} {
		f.Add(pattern(n), true, uint8(3), true, false)
		f.Add(pattern(n), false, uint8(1), false, true)
	}
	f.Add([]byte("text"), false, uint8(255), false, false)
	f.Fuzz(func(t *testing.T, data []byte, binary bool, times uint8, accepted, compress bool) {
		m := messages.Message{Kind: messages.KindText, Data: data}
		if binary || !utf8.Valid(data) {
			m.Kind = messages.KindBinary
		}
		config := actors.Config{
			Outbox:   actors.Outbox{Bytes: 1 << 30, Messages: 1 << 10},
			Upgrader: &websocket.Upgrader{EnableCompression: compress},
		}
		bubble(t, config, func(t *testing.T, w *world) {
			open := gorillaServer
			if accepted {
				open = gorillaClient
			}
			ws, id := open(w, compress, &diary{})
			defer ws.Close()
			for i := range int(times) {
				if i%3 == 0 {
					w.m.Broadcast("", m)
				} else {
					w.send(id, m)
				}
			}
			for i := range int(times) {
				kind, got, err := ws.ReadMessage()
				if err != nil || kind != int(m.Kind) || !bytes.Equal(got, data) {
					t.Fatalf("message %d: kind %d, %d bytes, %v", i, kind, len(got), err)
				}
			}
		})
	})
}

// FuzzRetryAfter refuses a handshake with any Retry-After: the next attempt
// comes at a time that makes sense, and not before whole seconds have passed
// that were asked for.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "1", "120", "-1", "4294967296", "99999999999999999999", "1e3", " 5",
		"Fri, 31 Dec 1999 23:59:59 GMT", "Sat, 01 Jan 2000 00:05:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if !httpguts.ValidHeaderFieldValue(header) {
			return
		}
		bubble(t, actors.Config{}, func(t *testing.T, w *world) {
			addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Retry-After", header)
				rw.WriteHeader(http.StatusServiceUnavailable)
			})
			target := w.target()
			target.URL = "ws://" + addr + "/"
			id, err := w.m.Dial(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			w.wait(id, messages.Backoff)
			synctest.Wait()
			info := w.info(id)
			wait := info.NextAttempt.Sub(info.Since)
			if wait < 0 || wait > 10*time.Minute {
				t.Errorf("waits for %v", wait)
			}
			seconds, err := strconv.ParseUint(header, 10, 31)
			if asked := min(time.Duration(seconds)*time.Second, 10*time.Minute); err == nil && wait < asked {
				t.Errorf("waits for %v, was asked for %v", wait, asked)
			}
			last, _ := w.events.last(messages.Backoff)
			var refused *messages.HandshakeError
			if !errors.As(last.Cause, &refused) || refused.Status != http.StatusServiceUnavailable {
				t.Errorf("cause %v", last.Cause)
			}
		})
	})
}

package actors_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// acceptHere stands for the right key in an answer to a handshake.
const acceptHere = "<accept>"

// FuzzHandshakeAnswer answers handshakes with any bytes, to us and to gorilla:
// both must open, or not, and read the same message from what comes right
// behind the answer. Only what agrees to more than was offered gorilla alone
// lets through.
func FuzzHandshakeAnswer(f *testing.F) {
	const good = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + acceptHere + "\r\n"
	for _, answer := range []string{
		good + "\r\n", good + "\r\n\x81\x02hi", good + "Sec-WebSocket-Protocol: chat\r\n\r\n\x82\x00",
		good + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n\x81\x02hi",
		strings.ReplaceAll(good, "\r", "") + "\n\x81\x02hi",
		strings.Replace(good, acceptHere, "x", 1) + "\r\n", good, "", "\x81\x02hi",
		"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\nno",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n" + good + "\r\n\x81\x02hi",
		"HTTP/1.0 101\r\n\r\n", "HTTP/9.9 99999999999 x\r\n\r\n", good + "Set-Cookie: " + strings.Repeat("a", 8<<10) + "\r\n\r\n",
	} {
		f.Add([]byte(answer))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, actors.Config{})
			defer w.close()
			l, err := w.net.Listen("any:80")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go answerAll(l, answer)
			want, opens := asGorillaDials(w.net)
			said := &diary{}
			target := w.target()
			target.URL, target.Handler = "ws://any:80/", said
			id, err := w.m.Dial(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Second)
			synctest.Wait()
			first, opened := firstTransition(w.events, id)
			if opened != opens {
				t.Fatalf("opened: %v; gorilla: %v (%v)", opened, opens, first.Cause)
			}
			got := said.all()
			got = got[:min(len(got), 2)]
			if opens && want != "" && (len(got) < 2 || got[1] != want) {
				t.Errorf("took %q, and gorilla %q", got, want)
			}
			if !opened && first.Cause == nil {
				t.Error("it failed without a cause")
			}
		})
	})
}

// answerAll answers each connection until l is closed.
func answerAll(l net.Listener, answer []byte) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go answerOne(c.(*drops.Conn), answer)
	}
}

// answerOne answers a request and ends its half: the client is to see FIN, and
// no RST.
func answerOne(c *drops.Conn, answer []byte) {
	defer c.Close()
	in := bufio.NewReader(c)
	r, err := http.ReadRequest(in)
	if err == nil {
		key := acceptKey(r.Header.Get("Sec-WebSocket-Key"))
		_, _ = c.Write(bytes.ReplaceAll(answer, []byte(acceptHere), []byte(key)))
	}
	_ = c.CloseWrite()
	_, _ = io.Copy(io.Discard, in)
}

// asGorillaDials returns the first message that gorilla takes.
func asGorillaDials(n *drops.Network) (first string, opens bool) {
	d := websocket.Dialer{NetDialContext: n.DialContext, HandshakeTimeout: 10 * time.Second}
	ws, resp, err := d.Dial("ws://any:80/", nil)
	if err != nil {
		return "", false
	}
	defer ws.Close()
	if agreesToMore(resp.Header) { // which gorilla lets through
		return "", false
	}
	kind, data, err := ws.ReadMessage()
	if err != nil || kind == websocket.TextMessage && !utf8.Valid(data) { // which gorilla lets through
		return "", true
	}
	return messages.Kind(kind).String() + " " + string(data), true
}

// agreesToMore reports whether an answer agrees to what nobody has offered.
func agreesToMore(answer http.Header) bool {
	extensions := strings.Join(answer.Values("Sec-WebSocket-Extensions"), ",")
	return len(answer.Values("Sec-WebSocket-Protocol")) > 0 || strings.Trim(extensions, ", \t") != ""
}

// firstTransition returns how the first attempt ended.
func firstTransition(e *events, id messages.ID) (t messages.EventTransition, opened bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.transitions {
		if t.ID == id && t.From == messages.Connecting {
			return t, t.To == messages.Open
		}
	}
	return t, false
}

// FuzzClosePayload ends a connection with any payload in the close frame: what
// it means is as RFC 6455, sections 5.5.1 and 7.4, has it, and it is answered.
func FuzzClosePayload(f *testing.F) {
	for _, payload := range [][]byte{nil, {3}, closePayload(1000, ""), closePayload(1000, "bye"), closePayload(1005, ""), closePayload(999, ""),
		closePayload(4999, "\xff"), closePayload(5000, ""), closePayload(1012, strings.Repeat("r", 123)), closePayload(1012, strings.Repeat("r", 124)), {0xff, 0xff}} {
		for _, accepted := range []bool{true, false} {
			f.Add(payload, accepted)
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte, accepted bool) {
		open := rawServer
		if accepted {
			open = rawClient
		}
		bubble(t, actors.Config{}, func(t *testing.T, w *world) {
			p := open(w, false)
			defer p.Close()
			p.put(p.frame(finClose, payload))
			answer := closeMeaning(payload)
			if answer.violates {
				p.failedWith(answer.code)
			} else {
				p.wasClosedWith(answer.code, answer.reason)
			}
			told := answer.code
			if len(payload) == 0 {
				told = 0
			}
			if first, got, err := p.next(); first != finClose || err != nil || !bytes.HasPrefix(got, closePayload(told, "")[:min(2, told)]) || told == 0 && len(got) != 0 {
				t.Errorf("%q was answered with %#x %q, %v", payload, first, got, err)
			}
		})
	})
}

// meaning is what a close frame says, or what it is to be answered with.
type meaning struct {
	violates bool
	code     int
	reason   string
}

func closeMeaning(payload []byte) meaning {
	if len(payload) == 0 {
		return meaning{code: 1005}
	}
	if len(payload) == 1 || len(payload) > 125 {
		return meaning{violates: true, code: 1002}
	}
	code, reason := int(payload[0])<<8|int(payload[1]), string(payload[2:])
	for _, legal := range [][2]int{{1000, 1003}, {1007, 1014}, {3000, 4999}} {
		if code >= legal[0] && code <= legal[1] {
			if strings.ToValidUTF8(reason, "") != reason {
				return meaning{violates: true, code: 1007}
			}
			return meaning{code: code, reason: reason}
		}
	}
	return meaning{violates: true, code: 1002}
}

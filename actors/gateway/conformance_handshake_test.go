package gateway_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
)

// What a client's handshake may look like, and the status it is answered with:
// RFC 6455, sections 4.1, 4.2.1 and 4.4.
var conformHandshakes = []struct {
	name    string
	request string
	status  int
}{
	{"all right", conformRequest(), 101},
	{"header names in other case", conformRequest("UPGRADE: websocket", "connection: Upgrade", "SEC-websocket-VERSION: 13", "sec-websocket-key: "+conformKey), 101},
	{"values in other case", conformRequest("Upgrade: WebSocket", "Connection: uPGRADE"), 101},
	{"a list in Connection", conformRequest("Connection: keep-alive, Upgrade"), 101},
	{"two lines of Connection", conformRequest("Connection: keep-alive", "Connection: Upgrade"), 101},
	{"no spaces", conformRequest("Connection:keep-alive,Upgrade", "Upgrade:websocket"), 101},
	{"a list in Upgrade", conformRequest("Upgrade: h2c, websocket"), 101},
	{"an extension that nobody knows", conformRequest("Sec-WebSocket-Extensions: foo; bar=1"), 101},
	{"a subprotocol that nobody knows", conformRequest("Sec-WebSocket-Protocol: chat"), 101},
	{"no Upgrade", conformRequest("Upgrade"), 400},
	{"another Upgrade", conformRequest("Upgrade: h2c"), 400},
	{"no Connection", conformRequest("Connection"), 400},
	{"another Connection", conformRequest("Connection: keep-alive"), 400},
	{"no key", conformRequest("Sec-WebSocket-Key"), 400},
	{"an empty key", conformRequest("Sec-WebSocket-Key: "), 400},
	{"a key that is not base64", conformRequest("Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="), 400},
	{"a key of 15 bytes", conformRequest("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"), 400},
	{"a key of 17 bytes", conformRequest("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE="), 400},
	{"two keys", conformRequest("Sec-WebSocket-Key: "+conformKey, "Sec-WebSocket-Key: "+conformKey), 400},
	{"no version", conformRequest("Sec-WebSocket-Version"), 426},
	{"version 0", conformRequest("Sec-WebSocket-Version: 0"), 426},
	{"version 8", conformRequest("Sec-WebSocket-Version: 8"), 426},
	{"version 12", conformRequest("Sec-WebSocket-Version: 12"), 426},
	{"version 14", conformRequest("Sec-WebSocket-Version: 14"), 426},
	{"version 013", conformRequest("Sec-WebSocket-Version: 013"), 426},
	{"a list of versions", conformRequest("Sec-WebSocket-Version: 13, 8"), 426},
	{"two versions", conformRequest("Sec-WebSocket-Version: 8", "Sec-WebSocket-Version: 13"), 426},
	{"no Host", conformRequest("Host"), 400},
	{"HTTP/1.0", strings.Replace(conformRequest(), "HTTP/1.1", "HTTP/1.0", 1), 400},
	{"POST", strings.Replace(conformRequest("Content-Length: 0"), "GET", "POST", 1), 405},
	{"HEAD", strings.Replace(conformRequest(), "GET", "HEAD", 1), 405},
	{"a foreign origin", conformRequest("Origin: http://elsewhere.example"), 403},
	{"the own origin", conformRequest("Origin: http://conform"), 101},
	{"garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
	{"frames without a handshake", string(conformFrame(finText, "hello", true)) + "\r\n\r\n", 400},
	{"a header line without a colon", conformRequest("Nonsense: x\r\nnonsense"), 400},
	{"a header with a NUL", conformRequest("Nonsense: \x00"), 400},
	{"a path with a NUL", strings.Replace(conformRequest(), "GET /", "GET /\x00", 1), 400},
	{"a header of 2 MiB", conformRequest("Nonsense: " + strings.Repeat("x", 2<<20)), 431},
}

func TestConformanceOfHandshakes(t *testing.T) {
	for _, h := range conformHandshakes {
		t.Run(h.name, func(t *testing.T) {
			conformOnTCP(t, conformConfig(), func(w *conformWorld) {
				p, end := w.connects(conformFace(w.m))
				defer end()
				status, header := p.ask(h.request)
				if status != h.status {
					t.Fatalf("answered %d, want %d", status, h.status)
				}
				conformAnswer(t, status, header)
				if h.status == http.StatusSwitchingProtocols {
					p.speak(said(finText, "hi", finClose, "")(p), 0)
					if heard := p.hear(); !slices.Equal(heard, []string{"text hi", `close ""`, "end"}) {
						t.Errorf("heard %q", heard)
					}
				}
			})
		})
	}
}

// conformAnswer checks the headers that go with an answer's status.
func conformAnswer(t *testing.T, status int, header http.Header) {
	t.Helper()
	want := map[string]string{}
	switch status {
	case http.StatusSwitchingProtocols:
		want = map[string]string{
			"Upgrade": "websocket", "Connection": "Upgrade", "Sec-Websocket-Accept": conformAccept(conformKey),
			"Sec-Websocket-Protocol": "", "Sec-Websocket-Extensions": "",
		}
	case http.StatusUpgradeRequired:
		want = map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-Websocket-Version": "13"}
	}
	for name, value := range want {
		if got := header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
}

// A refused client keeps its connection, and may try again on it.
func TestConformanceOfASecondTry(t *testing.T) {
	conformOnTCP(t, conformConfig(), func(w *conformWorld) {
		p, end := w.connects(conformFace(w.m))
		defer end()
		if status, header := p.ask(conformRequest("Sec-WebSocket-Version: 8")); status != http.StatusUpgradeRequired {
			t.Fatal(status, header)
		}
		if status, header := p.ask(conformRequest()); status != http.StatusSwitchingProtocols {
			t.Fatal(status, header)
		}
	})
}

// What a server may answer to our handshake: RFC 6455, section 4.1. Lines stand
// in place of those of the same name.
func TestConformanceOfAnswers(t *testing.T) {
	for _, a := range []struct {
		name   string
		offers []string
		answer []string
		opens  bool
	}{
		{"a subprotocol of ours", []string{"chat", "talk"}, []string{"Sec-WebSocket-Protocol: talk"}, true},
		{"a subprotocol that was not offered", []string{"chat"}, []string{"Sec-WebSocket-Protocol: other"}, false},
		{"a subprotocol where none was offered", nil, []string{"Sec-WebSocket-Protocol: chat"}, false},
		{"no subprotocol", []string{"chat"}, nil, false},
		{"two subprotocols", []string{"chat", "talk"}, []string{"Sec-WebSocket-Protocol: chat, talk"}, false},
		{"two lines of subprotocols", []string{"chat", "talk"}, []string{"Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: talk"}, false},
		{"headers of its own", nil, []string{"Set-Cookie: a=b", "Server: any"}, true},
	} {
		t.Run(a.name, func(t *testing.T) {
			conformOnTCP(t, conformConfig(), func(w *conformWorld) {
				p, id, end := w.called(&websocket.Dialer{Subprotocols: a.offers})
				defer end()
				p.agree(a.answer...)
				conformOpens(w, id, a.opens)
			})
		})
	}
}

func TestConformanceOfAnswersThatAreNoUpgrade(t *testing.T) {
	const good = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n"
	for name, answer := range map[string]string{
		"the accept of another key": strings.Replace(good, "ACCEPT", conformAccept("another"), 1),
		"no accept":                 strings.Replace(good, "Sec-WebSocket-Accept: ACCEPT\r\n", "", 1),
		"no Upgrade":                strings.Replace(good, "Upgrade: websocket\r\n", "", 1),
		"another Upgrade":           strings.Replace(good, "websocket", "h2c", 1),
		"no Connection":             strings.Replace(good, "Connection: Upgrade\r\n", "", 1),
		"status 200":                strings.Replace(good, "101 Switching Protocols", "200 OK", 1),
		"status 102":                strings.Replace(good, "101 Switching Protocols", "102 Processing", 1),
	} {
		t.Run(name, func(t *testing.T) {
			conformOnTCP(t, conformConfig(), func(w *conformWorld) {
				p, id, end := w.called(&websocket.Dialer{})
				defer end()
				req, err := http.ReadRequest(p.in)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(p, strings.Replace(answer, "ACCEPT", conformAccept(req.Header.Get("Sec-WebSocket-Key")), 1))
				p.Close()
				conformFails(w, id)
			})
		})
	}
}

// conformFails asserts that a dialed connection has not opened.
func conformFails(w *conformWorld, id messages.ID) {
	w.t.Helper()
	for _, step := range w.decided(id).History {
		if step.To == messages.Open {
			w.t.Errorf("it opened: %+v", step)
		}
	}
}

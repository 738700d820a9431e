package drops_test

import (
	"errors"
	"testing"

	"github.com/tetherws/tether/supervision/drops"
)

const (
	asking  = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
	greeted = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
)

// open has the texts of a handshake pass.
func open(t *testing.T, p pair) {
	t.Helper()
	exchange(t, p, asking, greeted)
}

func exchange(t *testing.T, p pair, request, answer string) {
	t.Helper()
	wantWrite(t, p.dialed, request)
	wantRead(t, p.accepted, request)
	wantWrite(t, p.accepted, answer)
	wantRead(t, p.dialed, answer)
}

func TestAFrameNeedsAHandshake(t *testing.T) {
	steps := map[string]func(t *testing.T, p pair){
		"nothing":     func(*testing.T, pair) {},
		"no answer":   func(t *testing.T, p pair) { wantWrite(t, p.dialed, asking); wantRead(t, p.accepted, asking) },
		"half answer": func(t *testing.T, p pair) { exchange(t, p, asking, greeted[:len(greeted)-1]) },
		"refusal":     func(t *testing.T, p pair) { exchange(t, p, asking, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n") },
		"post":        func(t *testing.T, p pair) { exchange(t, p, "POST / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n") },
		"proxy": func(t *testing.T, p pair) {
			exchange(t, p, "CONNECT server:80 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n")
		},
		"bytes of TLS": func(t *testing.T, p pair) { exchange(t, p, "\x16\x03\x01 hello\r\n\r\n", "\x16\x03\x03 hello\r\n\r\n") },
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, p pair) {
				step(t, p)
				for _, c := range []*drops.Conn{p.dialed, p.accepted} {
					for _, f := range frameFaults {
						if err := f.fault.Inject(c); !errors.Is(err, drops.ErrNoHandshake) {
							t.Errorf("%v: %v", f.fault, err)
						}
					}
					wantNothing(t, c)
				}
			})
		})
	}
}

func TestAHandshakeMayComeAfterSomethingElse(t *testing.T) {
	const body = "HTTP/1.1 401 No\r\nContent-Length: 6\r\n\r\n\r\n\r\n\r\n"
	before := map[string][2]string{
		"a refusal":             {asking, body},
		"a page":                {"GET /page HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
		"a POST":                {"POST / HTTP/1.1\r\n\r\nbody", "HTTP/1.1 200 OK\r\n\r\n"},
		"a proxy's CONNECT":     {"CONNECT server:80 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
		"two lines that are no": {"\r\n\r\n", "\r\r\n\r\n"},
	}
	for name, texts := range before {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, p pair) {
				for range 2 {
					exchange(t, p, texts[0], texts[1])
				}
				open(t, p)
				for name, d := range bothEnds(p) {
					wantInject(t, drops.Unasked{Payload: name}, d.from)
					wantFrames(t, d.to, wireFrame{finBit | pongOp, d.masked, name})
				}
			})
		})
	}
}

func TestTheTextsOfAHandshakeMayComeInPieces(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		write := func(from, to *drops.Conn, text string) {
			for i := range len(text) {
				wantWrite(t, from, text[i:i+1])
				wantRead(t, to, text[i:i+1])
			}
		}
		write(p.dialed, p.accepted, asking)
		write(p.accepted, p.dialed, greeted)
		for _, d := range bothEnds(p) {
			wantInject(t, drops.Unasked{}, d.from)
			wantFrames(t, d.to, wireFrame{finBit | pongOp, d.masked, ""})
		}
	})
}

// The answer and the first frames may come at once.
func TestFramesBehindTheAnswerAreFollowed(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		first := wireFrame{finBit | textOp, false, "first"}
		half := wireFrame{finBit | textOp, false, "second"}.encode()
		exchange(t, p, asking, greeted+first.encode()+half[:3])
		wantInject(t, drops.Unasked{Payload: "client"}, p.dialed)
		wantFrames(t, p.accepted, wireFrame{finBit | pongOp, true, "client"})
		wantInject(t, drops.Unasked{}, p.accepted)
		wantWrite(t, p.accepted, half[3:])
		wantRead(t, p.dialed, half[3:])
		wantFrames(t, p.dialed, wireFrame{first: finBit | pongOp})
	})
}

package gateway_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// conformWorld is a manager that echoes, on loopback TCP or on an in-memory
// network in virtual time.
type conformWorld struct {
	t      *testing.T
	m      *actors.Manager
	listen func() (net.Listener, error)
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
}

// conformFace is what serves the accepted connections.
func conformFace(m *actors.Manager) http.Handler { return m }

// conformConfig takes messages of a MiB from either side, and echoes them.
func conformConfig() actors.Config {
	return actors.Config{
		ReadLimitAccepted: 1 << 20, ReadLimitDialed: 1 << 20,
		Outbox:   actors.Outbox{Messages: 10_000, Bytes: 64 << 20},
		Upgrader: &websocket.Upgrader{EnableCompression: true},
		Handler: actors.OnMessage(func(c actors.Conn, m messages.Message) error {
			return c.Send(messages.Message{Kind: m.Kind, Data: m.Data})
		}),
	}
}

func (w *conformWorld) start(config actors.Config) {
	m, err := actors.New(config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.m = m
}

func (w *conformWorld) end() {
	ctx, cancel := context.WithTimeout(context.Background(), conformPatience)
	defer cancel()
	if err := w.m.Shutdown(ctx); err != nil {
		w.t.Errorf("shutting down: %v", err)
	}
}

// conformOnTCP runs f on loopback.
func conformOnTCP(t *testing.T, config actors.Config, f func(*conformWorld)) {
	t.Helper()
	w := &conformWorld{t: t, dial: (&net.Dialer{}).DialContext}
	w.listen = func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }
	w.start(config)
	defer w.end()
	f(w)
}

// conformInBubble runs f on an in-memory network, in virtual time.
func conformInBubble(t *testing.T, config actors.Config, f func(*conformWorld)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := drops.NewNetwork()
		w := &conformWorld{t: t, dial: n.DialContext}
		w.listen = func() (net.Listener, error) { return n.Listen(messages.NewID().String() + ":80") }
		w.start(config)
		defer w.end()
		f(w)
	})
}

// conformSides opens a connection on which the peer is the client, and one on
// which it is the server. The peer has compression agreed to if it asks for it.
var conformSides = map[string]func(w *conformWorld, compress bool) (p *conformPeer, end func()){
	"accepted": (*conformWorld).accepted,
	"dialed":   (*conformWorld).dialed,
}

func (w *conformWorld) accepted(compress bool) (p *conformPeer, end func()) {
	w.t.Helper()
	p, end = w.connects(conformFace(w.m))
	var offer []string
	if compress {
		offer = []string{"Sec-WebSocket-Extensions: " + conformOffer}
	}
	if status, header := p.ask(conformRequest(offer...)); status != http.StatusSwitchingProtocols || (p.answer != "") != compress {
		w.t.Fatal(status, header)
	}
	return p, end
}

// connects serves h and opens a connection to it.
func (w *conformWorld) connects(h http.Handler) (p *conformPeer, end func()) {
	w.t.Helper()
	l, err := w.listen()
	if err != nil {
		w.t.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: conformPatience}
	go server.Serve(l)
	conn, err := w.dial(w.t.Context(), "tcp", l.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	return w.peer(conn, true), func() {
		conn.Close()
		server.Close()
	}
}

func (w *conformWorld) dialed(compress bool) (p *conformPeer, end func()) {
	w.t.Helper()
	p, id, cut := w.called(&websocket.Dialer{EnableCompression: compress})
	if compress {
		p.answer = conformOffer
		p.agree("Sec-WebSocket-Extensions: " + conformOffer)
	} else {
		p.agree()
	}
	return p, func() {
		cut()
		_ = w.m.Close(context.Background(), id, 0, "") // it is not to dial whoever has the address next
	}
}

// called has the manager dial the peer, once.
func (w *conformWorld) called(d *websocket.Dialer) (p *conformPeer, id messages.ID, end func()) {
	w.t.Helper()
	l, err := w.listen()
	if err != nil {
		w.t.Fatal(err)
	}
	defer l.Close()
	d.NetDialContext = w.dial
	id, err = w.m.Dial(w.t.Context(), actors.Target{URL: "ws://" + l.Addr().String() + "/", Dialer: d})
	if err != nil {
		w.t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		w.t.Fatal(err)
	}
	return w.peer(conn, false), id, func() { conn.Close() }
}

func (w *conformWorld) peer(conn net.Conn, masks bool) *conformPeer {
	_ = conn.SetDeadline(time.Now().Add(conformPatience))
	return &conformPeer{Conn: conn, t: w.t, in: bufio.NewReader(conn), masks: masks}
}

// conformCase is what a peer says, and what it is to hear from an echo.
type conformCase struct {
	section string // of RFC 6455, or of RFC 7692 where it is on compression
	name    string
	send    func(*conformPeer) []byte
	// want is in words, data and pongs in order, each among its own. A case
	// that does not end in a close is ended by the peer with 1000,
	// once it has heard all.
	want []string
}

// said is frames, each given by its first byte and its payload.
func said(parts ...any) func(*conformPeer) []byte {
	return func(p *conformPeer) (stream []byte) {
		for i := 0; i < len(parts); i += 2 {
			stream = append(stream, p.frame(conformByte(parts[i]), parts[i+1].(string))...)
		}
		return stream
	}
}

func conformByte(first any) byte {
	if n, ok := first.(int); ok {
		return byte(n)
	}
	return first.(byte)
}

// conform runs the cases on both sides: on TCP in one piece and, if they are
// short, byte by byte; and in memory.
func conform(t *testing.T, compress bool, cases []conformCase) {
	t.Helper()
	for side, open := range conformSides {
		t.Run(side, func(t *testing.T) {
			conformOnTCP(t, conformConfig(), func(w *conformWorld) {
				for _, c := range cases {
					t.Run(c.section+" "+c.name, func(t *testing.T) {
						for piece := range 2 {
							c.run(w.in(t), open, compress, piece)
						}
					})
				}
			})
		})
		t.Run(side+" in memory", func(t *testing.T) {
			conformInBubble(t, conformConfig(), func(w *conformWorld) {
				for _, c := range cases {
					c.run(w, open, compress, 0)
				}
			})
		})
	}
}

// in is w for a part of its test.
func (w *conformWorld) in(t *testing.T) *conformWorld {
	part := *w
	part.t = t
	return &part
}

func (c conformCase) run(w *conformWorld, open func(*conformWorld, bool) (*conformPeer, func()), compress bool, piece int) {
	w.t.Helper()
	p, end := open(w, compress)
	defer end()
	stream, want := c.send(p), slices.Clone(c.want)
	if len(stream) > 4<<10 {
		piece *= 4 << 10
	}
	spoken := make(chan struct{})
	go func() {
		defer close(spoken)
		p.speak(stream, piece)
	}()
	var heard []string
	if len(want) == 0 || !strings.HasPrefix(want[len(want)-1], "close") {
		heard = p.hearFirst(len(want))
		<-spoken
		p.speak(p.frame(finClose, conformClosing(1000, "")), 0)
		want = append(want, "close 1000")
	}
	pongs, others := conformSorted(append(heard, p.hear()...))
	wantPongs, wantOthers := conformSorted(append(want, "end"))
	if !slices.Equal(pongs, wantPongs) || !slices.Equal(others, wantOthers) {
		w.t.Errorf("%s %s, in pieces of %d: heard %.300q and %.300q,\nwant %.300q and %.300q",
			c.section, c.name, piece, others, pongs, wantOthers, wantPongs)
	}
}

func conformSorted(heard []string) (pongs, others []string) {
	for _, words := range heard {
		if strings.HasPrefix(words, "pong ") {
			pongs = append(pongs, words)
		} else {
			others = append(others, words)
		}
	}
	return pongs, others
}

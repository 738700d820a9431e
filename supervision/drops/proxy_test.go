package drops_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// stand is a proxy on real sockets before a server.
type stand struct {
	*drops.Proxy
	addr   string
	server *upstream
}

// upstream is a WebSocket server that hands its sockets to the test.
type upstream struct {
	*httptest.Server
	sockets chan *websocket.Conn
	asked   chan *http.Request
}

// newUpstream starts a server whose sockets are left open until the test's
// end. begin is httptest.NewServer or the like.
func newUpstream(t *testing.T, begin func(http.Handler) *httptest.Server) *upstream {
	u := &upstream{sockets: make(chan *websocket.Conn, 1000), asked: make(chan *http.Request, 1000)}
	upgrader := websocket.Upgrader{Subprotocols: []string{"b"}, EnableCompression: true, CheckOrigin: func(*http.Request) bool { return true }}
	var serving sync.WaitGroup
	u.Server = begin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serving.Add(1)
		defer serving.Done()
		u.asked <- r
		ws, err := upgrader.Upgrade(w, r, http.Header{"X-Answer": {"1", "2"}})
		if err != nil {
			t.Errorf("upgrading: %v", err)
			return
		}
		u.sockets <- ws
	}))
	t.Cleanup(func() {
		u.Close()
		serving.Wait()
		close(u.sockets)
		for ws := range u.sockets {
			_ = ws.Close()
		}
	})
	return u
}

func (u *upstream) url() string { return "ws" + strings.TrimPrefix(u.URL, "http") }

// socket is the next that was upgraded; it is closed at the test's end.
func (u *upstream) socket(t *testing.T) *websocket.Conn {
	t.Helper()
	select {
	case ws := <-u.sockets:
		t.Cleanup(func() { _ = ws.Close() })
		bound(ws)
		return ws
	case <-time.After(generous):
		t.Fatal("the server has no socket")
		return nil
	}
}

func bound(ws *websocket.Conn) {
	_ = ws.SetReadDeadline(time.Now().Add(generous))
	_ = ws.SetWriteDeadline(time.Now().Add(generous))
}

func newStand(t *testing.T) *stand {
	t.Helper()
	u := newUpstream(t, httptest.NewServer)
	s := serveProxy(t, must(drops.NewProxy(u.url())))
	s.server = u
	return s
}

func serveProxy(t *testing.T, p *drops.Proxy) *stand {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	served := make(chan error, 1)
	go func() { served <- p.Serve(l) }()
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return &stand{Proxy: p, addr: l.Addr().String()}
}

// dial opens a connection through the proxy and returns both its ends.
func (s *stand) dial(t *testing.T) (client, server *websocket.Conn) {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+s.addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	bound(ws)
	return ws, s.server.socket(t)
}

// await polls until done; only a broken test does so for long.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(generous); !done(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, generous)
		}
	}
}

func readError(ws *websocket.Conn) error {
	for {
		if _, _, err := ws.NextReader(); err != nil {
			return err
		}
	}
}

func passes(t *testing.T, from, to *websocket.Conn, text string) {
	t.Helper()
	if err := from.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		t.Fatal(err)
	}
	if _, got, err := to.ReadMessage(); err != nil || string(got) != text {
		t.Fatalf("read %d bytes, %v; want %d", len(got), err, len(text))
	}
}

func TestProxyPassesMessagesBothWays(t *testing.T) {
	s := newStand(t)
	client, server := s.dial(t)
	for _, text := range []string{"", "short", strings.Repeat("x", 200), strings.Repeat("y", 1<<20)} {
		passes(t, client, server, text)
		passes(t, server, client, text)
	}
}

func TestProxyPassesTheHandshakeAsItIs(t *testing.T) {
	s := newStand(t)
	dialer := websocket.Dialer{Subprotocols: []string{"a", "b"}, EnableCompression: true}
	sent := http.Header{
		"Origin": {"https://origin.example"}, "Cookie": {"a=b"}, "Authorization": {"Bearer x"}, "X-Twice": {"1", "2"},
	}
	ws, answer, err := dialer.Dial("ws://"+s.addr+"/path%2Fx?q=1", sent)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	asked := <-s.server.asked
	if asked.RequestURI != "/path%2Fx?q=1" || "ws://"+asked.Host != s.server.url() {
		t.Errorf("asked for %s of %s", asked.RequestURI, asked.Host)
	}
	for name, values := range sent {
		if !reflect.DeepEqual(asked.Header[name], values) {
			t.Errorf("%s: %q", name, asked.Header[name])
		}
	}
	if ws.Subprotocol() != "b" || !strings.Contains(answer.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") {
		t.Errorf("answered with %v", answer.Header)
	}
	if !reflect.DeepEqual(answer.Header["X-Answer"], []string{"1", "2"}) {
		t.Errorf("X-Answer: %q", answer.Header["X-Answer"])
	}
	server := s.server.socket(t)
	ws.EnableWriteCompression(true)
	passes(t, ws, server, strings.Repeat("compressed", 1000))
	passes(t, server, ws, strings.Repeat("compressed", 1000))
	if c := s.Counts(); c.FromClient.Messages != 1 || c.FromServer.Messages != 1 || c.FromClient.Bytes > 5000 {
		t.Errorf("counted %+v", c)
	}
}

func TestProxyJoinsPathsAndQueries(t *testing.T) {
	cases := []struct{ upstream, asked, want string }{
		{"", "", "/"},
		{"", "/a?b=c", "/a?b=c"},
		{"/", "/a", "/a"},
		{"/feed", "", "/feed"},
		{"/feed/", "/", "/feed/"},
		{"/feed", "/a", "/feed/a"},
		{"/feed/?v=1", "/a?b=c", "/feed/a?v=1&b=c"},
		{"/feed?v=1", "/", "/feed?v=1"},
		{"?v=1", "/?b=%20", "/?v=1&b=%20"},
	}
	u := newUpstream(t, httptest.NewServer)
	for _, c := range cases {
		s := serveProxy(t, must(drops.NewProxy(u.url()+c.upstream)))
		ws, _, err := websocket.DefaultDialer.Dial("ws://"+s.addr+c.asked, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = ws.Close()
		if got := (<-u.asked).RequestURI; got != c.want {
			t.Errorf("upstream %q, asked for %q: %q, want %q", c.upstream, c.asked, got, c.want)
		}
	}
}

func TestProxyRefusesAnUpstreamThatIsNone(t *testing.T) {
	for _, upstream := range []string{"", "host", "http://host", "ws://", "ws:///path", "ws://%zz", "ws://me:secret@host", "ws://host/#x"} {
		p, err := drops.NewProxy(upstream)
		if p != nil || !errors.Is(err, messages.ErrInvalid) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", upstream, err)
		}
	}
}

// answering starts a server that answers one handshake with these bytes.
func answering(t *testing.T, text string) (url string) {
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, text)
	}()
	return "ws://" + l.Addr().String()
}

func TestProxyPassesARefusalWithItsBodyAndHeaders(t *testing.T) {
	const refusal = "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n" +
		"HTTP/1.1 418 No\r\nRetry-After: 7\r\nContent-Length: 15\r\n\r\nshort and stout"
	s := serveProxy(t, must(drops.NewProxy(answering(t, refusal))))
	_, answer, err := websocket.DefaultDialer.Dial("ws://"+s.addr, nil)
	if !errors.Is(err, websocket.ErrBadHandshake) || answer.StatusCode != http.StatusTeapot {
		t.Fatalf("%v, %v", answer, err)
	}
	body, _ := io.ReadAll(answer.Body)
	if string(body) != "short and stout" || answer.Header.Get("Retry-After") != "7" || len(answer.Header) != 2 {
		t.Errorf("%q, %v", body, answer.Header)
	}
	if c := s.Counts(); c.Declined != 1 || c.Accepted != 0 || c.Failed != 0 {
		t.Errorf("counted %+v", c)
	}
}

func TestARefusalThatBreaksOffReachesTheClientSo(t *testing.T) {
	s := serveProxy(t, must(drops.NewProxy(answering(t, "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsh"))))
	c := must(net.Dial("tcp", s.addr))
	defer c.Close()
	_, _ = io.WriteString(c, rawHandshake)
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil {
		_, err = io.ReadAll(answer.Body)
		_ = answer.Body.Close()
	}
	if err == nil {
		t.Error("the answer looks whole")
	}
}

func TestProxyAnswers502WithoutAnUpstream(t *testing.T) {
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	_ = l.Close()
	silent := must(net.Listen("tcp", "127.0.0.1:0"))
	defer silent.Close()
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(c).ReadString('\n')
			_ = c.Close()
		}
	}()
	for name, addr := range map[string]net.Addr{"nobody listens": l.Addr(), "no answer": silent.Addr()} {
		s := serveProxy(t, must(drops.NewProxy("ws://"+addr.String())))
		_, answer, err := websocket.DefaultDialer.Dial("ws://"+s.addr, nil)
		if !errors.Is(err, websocket.ErrBadHandshake) || answer.StatusCode != http.StatusBadGateway {
			t.Errorf("%s: %v", name, err)
		}
		if c := s.Counts(); c.Failed != 1 {
			t.Errorf("%s: counted %+v", name, c)
		}
	}
}

func TestProxyAsksForAnUpgrade(t *testing.T) {
	s := newStand(t)
	upgrade := "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\n" + upgrade + "\r\n",
		"GET / HTTP/1.0\r\nHost: x\r\n" + upgrade + "\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n" + upgrade + "\r\nx",
	} {
		c := must(net.Dial("tcp", s.addr))
		_, _ = io.WriteString(c, request)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || answer.StatusCode != http.StatusUpgradeRequired || answer.Header.Get("Upgrade") != "websocket" {
			t.Errorf("%q: %v, %v", request, answer, err)
		}
		_ = answer.Body.Close()
		_ = c.Close()
	}
}

const rawHandshake = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

func TestFramesRightBehindTheHandshakeAreNotLost(t *testing.T) {
	s := newStand(t)
	text := strings.Repeat("x", 120)
	frame := append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
	c := must(net.Dial("tcp", s.addr))
	defer c.Close()
	const number = 100 // more than the server's buffer holds
	_, _ = c.Write(append([]byte(rawHandshake), []byte(strings.Repeat(string(frame), number))...))
	server := s.server.socket(t)
	for range number {
		if _, got, err := server.ReadMessage(); err != nil || string(got) != text {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if asked := <-s.server.asked; len(asked.Header) != 4 {
		t.Errorf("the server was shown more than was sent: %v", asked.Header)
	}
	if c := s.Counts(); c.FromClient.Messages != number || c.FromClient.Bytes != uint64(number*len(frame)) {
		t.Errorf("counted %+v", c)
	}
}

// The server's frames come in one segment with its answer.
func TestFramesRightBehindTheAnswerAreNotLost(t *testing.T) {
	const head = "HTTP/1.1 101 As You Wish\r\nx-odd:  case\r\n\r\n"
	frames := strings.Repeat("\x81\x01x", 3000)
	s := serveProxy(t, must(drops.NewProxy(answering(t, "HTTP/1.1 103 Early Hints\r\n\r\n"+head+frames))))
	c := must(net.Dial("tcp", s.addr))
	defer c.Close()
	_, _ = io.WriteString(c, rawHandshake)
	_ = c.SetReadDeadline(time.Now().Add(generous))
	got, err := io.ReadAll(c)
	if err != nil || string(got) != head+frames {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(head+frames))
	}
	if c := s.Counts(); c.FromServer.Messages != 3000 || c.FromServer.Bytes != 9000 {
		t.Errorf("counted %+v", c)
	}
}

// newQuietTLSServer does not log the handshakes that fail on purpose.
func newQuietTLSServer(h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	return s
}

func TestProxySpeaksTLSToItsUpstream(t *testing.T) {
	u := newUpstream(t, newQuietTLSServer)
	p := must(drops.NewProxy(u.url()))
	p.TLS = &tls.Config{RootCAs: u.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	s := serveProxy(t, p)
	s.server = u
	client, server := s.dial(t)
	passes(t, client, server, "up")
	passes(t, server, client, strings.Repeat("down", 1<<16))
	if n, err := p.InjectAll(drops.Injection{Fault: drops.Reset{}}); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	for _, ws := range []*websocket.Conn{client, server} {
		if err := readError(ws); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	}
	untrusted := serveProxy(t, must(drops.NewProxy(u.url())))
	if _, answer, err := websocket.DefaultDialer.Dial("ws://"+untrusted.addr, nil); err == nil || answer.StatusCode != http.StatusBadGateway {
		t.Errorf("an unknown certificate: %v", err)
	}
}

func TestFINPassesAsFIN(t *testing.T) {
	s := newStand(t)
	for name, pick := range map[string]func(a, b *websocket.Conn) (*websocket.Conn, *websocket.Conn){
		"of the client": func(a, b *websocket.Conn) (*websocket.Conn, *websocket.Conn) { return a, b },
		"of the server": func(a, b *websocket.Conn) (*websocket.Conn, *websocket.Conn) { return b, a },
	} {
		t.Run(name, func(t *testing.T) {
			first, second := pick(s.dial(t))
			if err := first.NetConn().(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if err := readError(second); !websocket.IsUnexpectedCloseError(err) || !strings.Contains(err.Error(), "unexpected EOF") {
				t.Fatalf("the other saw %v", err)
			}
			passes(t, second, first, "the other half is open")
			_ = second.Close()
			if err := readError(first); !strings.Contains(err.Error(), "unexpected EOF") {
				t.Errorf("the first saw %v", err)
			}
		})
	}
	await(t, "the ends", func() bool {
		e := s.Counts().Ends
		return e.Client.FIN == 1 && e.Server.FIN == 1
	})
}

func TestRSTPassesAsRST(t *testing.T) {
	for _, busy := range []bool{false, true} {
		for _, of := range []string{"client", "server"} {
			t.Run(fmt.Sprintf("of the %s, busy: %v", of, busy), func(t *testing.T) {
				s := newStand(t)
				first, second := s.dial(t)
				if of == "server" {
					first, second = second, first
				}
				var writing sync.WaitGroup
				if busy {
					writing.Go(func() {
						for second.WriteMessage(websocket.BinaryMessage, make([]byte, 1<<10)) == nil {
						}
					})
					_, _, _ = first.ReadMessage()
				}
				_ = first.NetConn().(*net.TCPConn).SetLinger(0)
				_ = first.NetConn().Close()
				// The kernel may tell a writer of the reset, and its reader then only of the end.
				if err := readError(second); !busy && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("the other saw %v", err)
				}
				writing.Wait()
				await(t, "the end", func() bool {
					e := s.Counts().Ends
					return of == "client" && e.Client.RST == 1 || of == "server" && e.Server.RST == 1
				})
			})
		}
	}
}

func TestWhoClosedFirstIsCounted(t *testing.T) {
	s := newStand(t)
	client, server := s.dial(t)
	_ = client.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4001, "bye"))
	if err := readError(server); !websocket.IsCloseError(err, 4001) {
		t.Error(err)
	}
	if err := readError(client); !websocket.IsCloseError(err, 4001) { // the reply
		t.Error(err)
	}
	_ = server.Close()
	_ = client.Close()
	await(t, "the end", func() bool { return s.Counts().Ends.Client.Close[4001] == 1 })
	c := s.Counts()
	if c.FromClient.CloseCodes[4001] != 1 || c.FromServer.CloseCodes[4001] != 1 || c.Live+c.Closing != 0 {
		t.Errorf("counted %+v", c)
	}
}

func TestCloseResetsAllAndJoins(t *testing.T) {
	s := newStand(t)
	var ends []*websocket.Conn
	for range 5 {
		client, server := s.dial(t)
		ends = append(ends, client, server)
	}
	silenced, ok := s.InjectShare(0.4, drops.Injection{Fault: drops.Silence{}})
	if silenced != 2 || ok != nil {
		t.Fatalf("%d, %v", silenced, ok)
	}
	idle := must(net.Dial("tcp", s.addr)) // has not asked yet
	defer idle.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if c := s.Counts(); c.Ends.Closed != 5 || c.Live+c.Closing != 0 {
		t.Errorf("counted %+v", c)
	}
	for _, ws := range ends {
		if err := readError(ws); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	}
	if err := s.Serve(must(net.Listen("tcp", "127.0.0.1:0"))); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve again: %v", err)
	}
	if n, err := s.InjectAll(drops.Injection{Fault: drops.Reset{}}); n != 0 || err != nil {
		t.Errorf("injected into %d, %v", n, err)
	}
}

// closeSoon closes the proxy, which must not wait for others.
func closeSoon(t *testing.T, s *stand) {
	t.Helper()
	start := time.Now()
	_ = s.Close()
	if took := time.Since(start); took > generous {
		t.Errorf("Close took %v", took)
	}
}

// The server can't see that a client goes which has sent more meanwhile.
func TestCloseEndsHandshakesUnderWay(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		p := must(drops.NewProxy("ws://silent"))
		p.Dial = b.network.DialContext
		go p.Serve(must(b.network.Listen("other:80")))
		l := must(b.network.Listen("silent:80"))
		defer l.Close()
		client := must(b.network.DialContext(t.Context(), "tcp", "other:80"))
		defer client.Close()
		_, _ = io.WriteString(client, rawHandshake)
		c := must(l.Accept())
		defer c.Close()
		_, _ = io.WriteString(client, "more")
		synctest.Wait()
		start := time.Now()
		_ = p.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("Close took %v", took)
		}
	})
}

// held is a refusal that takes its client and waits for its end.
type held struct{ taken chan struct{} }

func (h held) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c, _, err := w.(http.Hijacker).Hijack()
	close(h.taken)
	for err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	_ = c.Close()
}

func (held) String() string { return "held" }

func TestCloseEndsARefusalThatHoldsItsClient(t *testing.T) {
	s := newStand(t)
	refusal := held{make(chan struct{})}
	if err := s.Hinder(refusal, 0); err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 1)
	go func() {
		_, _, err := websocket.DefaultDialer.Dial("ws://"+s.addr, nil)
		asked <- err
	}()
	<-refusal.taken
	closeSoon(t, s)
	if err := <-asked; err == nil {
		t.Error("the handshake succeeded")
	}
}

package dial_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/cmd/tether/dial"
	"github.com/tetherws/tether/messages"
)

func TestLinesAreSentAndAnswersPrinted(t *testing.T) {
	var closed error
	ended := make(chan struct{})
	url := serve(t, func(conn *websocket.Conn, _ *http.Request) {
		defer close(ended)
		for closed == nil {
			var kind int
			var data []byte
			if kind, data, closed = conn.ReadMessage(); closed == nil {
				_ = conn.WriteMessage(kind, []byte(strings.ToUpper(string(data))))
			}
		}
	})
	stdout, stderr, err := pipe(dial.Config{URL: url, MaxMessage: 100}, "one\ntwo\n\nlast")
	if err != nil || stdout != "ONE\nTWO\n\nLAST\n" {
		t.Errorf("printed %q and returned %v", stdout, err)
	}
	if stderr != "tether: connecting\ntether: open\n" {
		t.Errorf("told %q", stderr)
	}
	<-ended
	if !websocket.IsCloseError(closed, websocket.CloseNormalClosure) {
		t.Errorf("the peer saw %v, want code 1000", closed)
	}
}

func TestTheHandshakeCarriesWhatIsAsked(t *testing.T) {
	asked := make(chan *http.Request, 1)
	agreed := make(chan string, 1)
	url := serve(t, func(conn *websocket.Conn, r *http.Request) {
		asked <- r
		agreed <- conn.Subprotocol()
		echo(conn, r)
	})
	_, _, err := pipe(dial.Config{
		URL:         url + "/path?q=1",
		Header:      []dial.Header{{Name: "X-A", Value: "1"}, {Name: "X-A", Value: "2"}, {Name: "X-B", Value: "3"}},
		Subprotocol: []string{"a", "b"},
		Compress:    true,
		MaxMessage:  100,
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	r := <-asked
	if r.URL.String() != "/path?q=1" || !slices.Equal(r.Header["X-A"], []string{"1", "2"}) || r.Header.Get("X-B") != "3" {
		t.Errorf("asked for %v with %v", r.URL, r.Header)
	}
	if !strings.Contains(r.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") {
		t.Error("no compression was offered")
	}
	if got := <-agreed; got != "b" {
		t.Errorf("agreed on subprotocol %q, want b", got)
	}
}

func TestResumeOffersTheSubprotocol(t *testing.T) {
	asked := make(chan []string, 1)
	url := serve(t, func(_ *websocket.Conn, r *http.Request) {
		asked <- websocket.Subprotocols(r)
	})
	_, _, err := pipe(dial.Config{URL: url, Resume: true, Once: true, MaxMessage: 100}, "")
	if err == nil {
		t.Error("a server that does not speak it was taken")
	}
	if got := <-asked; !slices.Equal(got, []string{"tether.v1"}) {
		t.Errorf("offered %q", got)
	}
}

func TestHelloComesFirstAtEachOpening(t *testing.T) {
	got := make(chan string, 10)
	var openings atomic.Int32
	url := serve(t, func(conn *websocket.Conn, _ *http.Request) {
		first := openings.Add(1) == 1
		for i := 0; ; i++ {
			_, data, err := conn.ReadMessage()
			if err != nil {
				return
			}
			got <- string(data)
			if first && i == 1 {
				return
			}
		}
	})
	r := begin(t, dial.Config{URL: url, Hello: []string{"a", "b"}, MaxMessage: 100})
	for i := range 4 {
		if want, text := "ab"[i%2:i%2+1], <-got; text != want {
			t.Errorf("message %d is %q, want %q", i, text, want)
		}
	}
	fmt.Fprintln(r.stdin, "c")
	if text := <-got; text != "c" {
		t.Errorf("got %q, want c", text)
	}
	r.stdin.Close()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

func TestADropAndAReconnectAreTold(t *testing.T) {
	var openings atomic.Int32
	url := serve(t, func(conn *websocket.Conn, r *http.Request) {
		if openings.Add(1) == 1 {
			frame := websocket.FormatCloseMessage(4000, "go away")
			_ = conn.WriteMessage(websocket.CloseMessage, frame)
			_, _, _ = conn.ReadMessage()
			return
		}
		echo(conn, r)
	})
	r := begin(t, dial.Config{URL: url, MaxMessage: 100})
	r.stderr.await("next attempt in ")
	fmt.Fprintln(r.stdin, "after the drop")
	r.stdout.await("after the drop\n")
	r.stdin.Close()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	told := r.stderr.String()
	want := "tether: connecting\ntether: open\ntether: backoff: peer closed with code 4000 (\"go away\"); next attempt in "
	if !strings.HasPrefix(told, want) || !strings.HasSuffix(told, "tether: connecting\ntether: open\n") {
		t.Errorf("told %q", told)
	}
}

func TestALineSurvivesTheDropThatCutsIt(t *testing.T) {
	var openings atomic.Int32
	url := serve(t, func(conn *websocket.Conn, r *http.Request) {
		if openings.Add(1) == 1 {
			_, _, _ = conn.ReadMessage()
			_ = conn.NetConn().(*net.TCPConn).SetLinger(0)
			return
		}
		echo(conn, r)
	})
	stdout, _, err := pipe(dial.Config{URL: url, MaxMessage: 100}, "a line\n")
	if err != nil || stdout != "a line\n" {
		t.Errorf("printed %q and returned %v", stdout, err)
	}
}

func TestOnceEndsWithTheDrop(t *testing.T) {
	tests := []struct {
		name  string
		treat func(*websocket.Conn)
		check func(error) bool
	}{
		{"close frame", func(conn *websocket.Conn) {
			_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""))
			_, _, _ = conn.ReadMessage()
		}, func(err error) bool {
			var closed *messages.PeerCloseError
			return errors.As(err, &closed) && closed.Code == 1000
		}},
		{"reset", func(conn *websocket.Conn) {
			_ = conn.NetConn().(*net.TCPConn).SetLinger(0)
		}, func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var openings atomic.Int32
			url := serve(t, func(conn *websocket.Conn, _ *http.Request) {
				openings.Add(1)
				test.treat(conn)
			})
			r := begin(t, dial.Config{URL: url, Once: true, MaxMessage: 100})
			err := <-r.ended
			if !test.check(err) || !strings.HasPrefix(err.Error(), "dropped while open: ") {
				t.Errorf("returned %v", err)
			}
			if got := openings.Load(); got != 1 {
				t.Errorf("it connected %d times", got)
			}
		})
	}
}

func TestOnceEndsWhereItIsRefused(t *testing.T) {
	asked := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		w.WriteHeader(http.StatusUnauthorized) // which is retried at once, once
	}))
	defer server.Close()
	url := "ws" + strings.TrimPrefix(server.URL, "http")
	// While nothing can be told the run can't end, and another that retries
	// does so in that time.
	err := dial.Run(t.Context(), dial.Config{URL: url + "/once", Once: true, MaxMessage: 100}, hang(t), io.Discard, onWrite(func() {
		if path := <-asked; path != "/once" {
			t.Errorf("asked for %s", path)
		}
		other := begin(t, dial.Config{URL: url + "/again", MaxMessage: 100})
		for range 2 {
			if path := <-asked; path != "/again" {
				t.Errorf("asked for %s", path)
			}
		}
		other.interrupt()
		if err := <-other.ended; err != nil {
			t.Error(err)
		}
	}))
	var refused *messages.HandshakeError
	if !errors.As(err, &refused) || refused.Status != 401 || !strings.HasPrefix(err.Error(), "dropped while connecting: ") {
		t.Errorf("returned %v", err)
	}
}

// onWrite returns a writer that calls do at each write.
func onWrite(do func()) writer {
	return func(p []byte) (int, error) {
		do()
		return len(p), nil
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// hang returns a stdin on which nothing comes.
func hang(t *testing.T) io.Reader {
	read, write := io.Pipe()
	t.Cleanup(func() { write.Close() })
	return read
}

func TestTheBeatIsSentInSilence(t *testing.T) {
	got := make(chan string)
	url := serve(t, func(conn *websocket.Conn, r *http.Request) {
		_, data, _ := conn.ReadMessage()
		got <- string(data)
		echo(conn, r)
	})
	r := begin(t, dial.Config{
		URL: url, Beat: `{"heart":1}`, MaxMessage: 100,
		HeartbeatIdle: time.Millisecond, HeartbeatTimeout: time.Minute,
	})
	if text := <-got; text != `{"heart":1}` {
		t.Errorf("the beat is %q", text)
	}
	r.stdin.Close()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

func TestSilenceIsFound(t *testing.T) {
	release := make(chan struct{})
	url := serve(t, func(*websocket.Conn, *http.Request) { <-release })
	r := begin(t, dial.Config{
		URL: url, Once: true, MaxMessage: 100,
		HeartbeatIdle: time.Millisecond, HeartbeatTimeout: time.Millisecond,
	})
	err := <-r.ended
	close(release)
	if !errors.Is(err, messages.ErrHeartbeatTimeout) {
		t.Errorf("returned %v, want ErrHeartbeatTimeout", err)
	}
}

func TestEchoSendsAllBackInOrder(t *testing.T) {
	const count, size = 40, 64 << 10
	result := make(chan error, 1)
	url := serve(t, func(conn *websocket.Conn, _ *http.Request) {
		go func() { // far more than the outbox holds, before anything is read
			for i := range count {
				_ = conn.WriteMessage(websocket.BinaryMessage-i%2, []byte(strings.Repeat(string(rune('a'+i%26)), size)))
			}
		}()
		result <- func() error {
			for i := range count {
				kind, data, err := conn.ReadMessage()
				if err != nil {
					return err
				}
				if kind != websocket.BinaryMessage-i%2 || len(data) != size || data[0] != byte('a'+i%26) {
					return fmt.Errorf("echo %d is of kind %d, %d bytes, %q...", i, kind, len(data), data[0])
				}
			}
			return nil
		}()
		echo(conn, nil)
	})
	r := begin(t, dial.Config{URL: url, Echo: true, MaxMessage: size})
	if err := <-result; err != nil {
		t.Error(err)
	}
	r.interrupt()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if got := r.stdout.String(); got != "" {
		t.Errorf("printed %d bytes", len(got))
	}
}

func TestEchoTakesNothingFromStdin(t *testing.T) {
	got := make(chan string, 1)
	url := serve(t, func(conn *websocket.Conn, r *http.Request) {
		_ = conn.WriteMessage(websocket.TextMessage, []byte("from the peer"))
		_, data, _ := conn.ReadMessage()
		got <- string(data)
	})
	var stdin untouched
	err := dial.Run(t.Context(), dial.Config{URL: url, Echo: true, Once: true, MaxMessage: 100}, &stdin, io.Discard, io.Discard)
	if text := <-got; text != "from the peer" {
		t.Errorf("sent %q", text)
	}
	if err == nil || stdin.Load() {
		t.Errorf("returned %v, stdin was read: %v", err, stdin.Load())
	}
}

// untouched is a stdin that knows whether it was read.
type untouched struct{ atomic.Bool }

func (u *untouched) Read([]byte) (int, error) {
	u.Store(true)
	return 0, io.EOF
}

// screen is a terminal.
type screen struct{ *buffer }

func (screen) Width() int { return 80 }

func TestBinaryIsPrintedAsItIsOrForPeople(t *testing.T) {
	url := serve(t, func(conn *websocket.Conn, r *http.Request) {
		_ = conn.WriteMessage(websocket.BinaryMessage, []byte{0, 1, 255})
		_ = conn.WriteMessage(websocket.BinaryMessage, make([]byte, 40))
		_ = conn.WriteMessage(websocket.TextMessage, []byte("end"))
		echo(conn, r)
	})
	t.Setenv("NO_COLOR", "1")
	tests := []struct {
		name string
		out  io.Writer
		want string
	}{
		{"file", newBuffer(), "\x00\x01\xff" + strings.Repeat("\x00", 40) + "end\nx\n"},
		{"terminal", screen{newBuffer()}, "(3 bytes: 0001ff)\n(40 bytes: " + strings.Repeat("00", 32) + "...)\nend\nx\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := dial.Run(t.Context(), dial.Config{URL: url, MaxMessage: 100}, strings.NewReader("x"), test.out, io.Discard)
			if got := test.out.(fmt.Stringer).String(); err != nil || got != test.want {
				t.Errorf("printed %q, want %q; returned %v", got, test.want, err)
			}
		})
	}
}

func TestALineTooLongEndsTheRun(t *testing.T) {
	url := serve(t, echo)
	for _, long := range []string{"123456", "1234567", strings.Repeat("x", 1000)} {
		_, _, err := pipe(dial.Config{URL: url, MaxMessage: 5}, "12345\r\n"+long+"\n")
		if err == nil || err.Error() != "line 2: longer than --max-message" {
			t.Errorf("returned %v", err)
		}
	}
}

func TestALineThatIsNoTextEndsTheRun(t *testing.T) {
	url := serve(t, echo)
	_, _, err := pipe(dial.Config{URL: url, MaxMessage: 100}, "fine\n\xff\n")
	if !errors.Is(err, messages.ErrInvalid) || !strings.HasPrefix(err.Error(), "line 2: ") {
		t.Errorf("returned %v", err)
	}
}

func TestAMessageTooLongClosesWith1009(t *testing.T) {
	seen := make(chan error, 1)
	url := serve(t, func(conn *websocket.Conn, _ *http.Request) {
		_ = conn.WriteMessage(websocket.TextMessage, []byte("123456"))
		_, _, err := conn.ReadMessage()
		seen <- err
	})
	r := begin(t, dial.Config{URL: url, Once: true, MaxMessage: 5})
	if err := <-seen; !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
		t.Errorf("the peer saw %v, want code 1009", err)
	}
	if err := <-r.ended; err == nil {
		t.Error("it ended well")
	}
}

func TestInsecureTakesAnyCertificate(t *testing.T) {
	server := func(h http.Handler) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		s.Config.ErrorLog = nil
		s.StartTLS()
		return s
	}
	url := "wss" + strings.TrimPrefix(start(t, server, echo), "https")
	if stdout, _, err := pipe(dial.Config{URL: url, Insecure: true, MaxMessage: 100}, "x\n"); err != nil || stdout != "x\n" {
		t.Errorf("printed %q and returned %v", stdout, err)
	}
	var untrusted *tls.CertificateVerificationError
	if _, _, err := pipe(dial.Config{URL: url, Once: true, MaxMessage: 100}, "x\n"); !errors.As(err, &untrusted) {
		t.Errorf("returned %v, want an untrusted certificate", err)
	}
}

func TestAnInterruptClosesInOrder(t *testing.T) {
	seen := make(chan error, 1)
	url := serve(t, func(conn *websocket.Conn, _ *http.Request) {
		_, _, err := conn.ReadMessage()
		seen <- err
	})
	r := begin(t, dial.Config{URL: url, MaxMessage: 100})
	r.stderr.await("tether: open\n")
	r.interrupt()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if err := <-seen; !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("the peer saw %v, want code 1000", err)
	}
}

func TestAnInterruptTellsWhatWasNotDelivered(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "ws://" + listener.Addr().String()
	listener.Close()
	r := begin(t, dial.Config{URL: url, MaxMessage: 100})
	fmt.Fprintln(r.stdin, "one")
	fmt.Fprintln(r.stdin, "two")
	fmt.Fprint(r.stdin, "begun") // taken only when the line before has been
	r.stderr.await("tether: backoff: ")
	r.interrupt()
	if err := <-r.ended; err == nil || err.Error() != "2 messages were not delivered" {
		t.Errorf("returned %v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAnOutputThatTakesNoMoreEndsTheRun(t *testing.T) {
	url := serve(t, echo)
	err := dial.Run(t.Context(), dial.Config{URL: url, Hello: []string{"x"}, MaxMessage: 100}, hang(t), broken{}, io.Discard)
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("returned %v", err)
	}
}

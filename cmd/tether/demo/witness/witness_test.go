package witness_test

import (
	"encoding/binary"
	"errors"
	"go/build"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/cmd/tether/demo/witness"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A witness that spoke through the party it watches would be none.
func TestItImportsNothingOfTether(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pkg.Imports {
		if strings.HasPrefix(path, "github.com/tetherws/") {
			t.Errorf("the witness imports %s", path)
		}
	}
}

func listen(t *testing.T) *witness.Server {
	t.Helper()
	server, err := witness.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// peer is a client's end of a connection.
type peer struct {
	*websocket.Conn
	ponged chan struct{}
	ended  chan error
}

func dial(t *testing.T, server *witness.Server, id string) *peer {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial(server.URL(id), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{conn, make(chan struct{}, 10), make(chan error, 1)}
	p.SetPongHandler(func(string) error { p.ponged <- struct{}{}; return nil })
	p.SetCloseHandler(func(int, string) error { return nil }) // it answers none
	go func() {
		_, _, err := conn.NextReader()
		p.ended <- err
	}()
	t.Cleanup(func() { conn.Close() })
	return p
}

func (p *peer) send(t *testing.T, numbers ...uint64) {
	t.Helper()
	for _, number := range numbers {
		data := binary.AppendUvarint(nil, number)
		if err := p.WriteMessage(websocket.BinaryMessage, data); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *peer) ping(t *testing.T) {
	t.Helper()
	if err := p.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
}

// sync returns when the server has taken all that the peer has sent.
func (p *peer) sync(t *testing.T) *peer {
	t.Helper()
	p.ping(t)
	<-p.ponged
	return p
}

// end closes the connection and returns when the server knows.
func (p *peer) end(t *testing.T) {
	t.Helper()
	frame := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := p.WriteControl(websocket.CloseMessage, frame, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	<-p.ended
}

func TestItCountsEachMessageOnce(t *testing.T) {
	server := listen(t)
	a, b := dial(t, server, "a"), dial(t, server, "b")
	a.send(t, 1, 2, 2, 4, 3, 1)
	b.send(t, 1)
	if err := b.WriteMessage(websocket.TextMessage, []byte("not a number")); err != nil {
		t.Fatal(err)
	}
	a.sync(t)
	b.sync(t)
	want := witness.Report{Unique: 5, Duplicates: 2, OutOfOrder: 1, Malformed: 1, MaxLive: 1}
	if got := server.Report(); got != want {
		t.Errorf("reported %+v, want %+v", got, want)
	}
}

func TestTheAccountOutlivesASocket(t *testing.T) {
	server := listen(t)
	first := dial(t, server, "a")
	first.send(t, 1, 2)
	first.end(t)
	second := dial(t, server, "a")
	second.send(t, 2, 3)
	second.sync(t)
	want := witness.Report{Unique: 3, Duplicates: 1, MaxLive: 1}
	if got := server.Report(); got != want {
		t.Errorf("reported %+v, want %+v", got, want)
	}
}

func TestLiveSockets(t *testing.T) {
	tests := []struct {
		name  string
		older func(*testing.T, *witness.Server, *peer) // before and
		after func(*testing.T, *peer)                  // after the newer handshake
		want  int
	}{
		{"an older one that stays", nil, nil, 2},
		{"an older one that ended before", func(t *testing.T, _ *witness.Server, c *peer) { c.end(t) }, nil, 1},
		{"an older one that ends in time", nil, func(t *testing.T, c *peer) { c.end(t) }, 1},
		{"an older one that the server has reset", func(t *testing.T, s *witness.Server, c *peer) {
			s.Reset("a")
		}, nil, 1},
		{"an older one that was sent a close frame", func(t *testing.T, s *witness.Server, c *peer) {
			s.CloseWith("a", websocket.CloseGoingAway)
		}, nil, 1},
		{"a silenced one that stays", func(t *testing.T, s *witness.Server, c *peer) {
			s.Silence("a")
		}, nil, 2},
		{"a silenced one that ends in time", func(t *testing.T, s *witness.Server, c *peer) {
			s.Silence("a")
		}, func(t *testing.T, c *peer) { c.Close() }, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := listen(t)
			older := dial(t, server, "a").sync(t)
			dial(t, server, "b").sync(t) // another client's, which is none of a's
			if test.older != nil {
				test.older(t, server, older)
			}
			dial(t, server, "a").sync(t)
			if test.after != nil {
				test.after(t, older)
			}
			if got := server.Report().MaxLive; got != test.want {
				t.Errorf("at most %d live at once, want %d", got, test.want)
			}
		})
	}
}

func TestWhatComesLateByAnOlderSocketIsNotReceived(t *testing.T) {
	server := listen(t)
	older := dial(t, server, "a").sync(t)
	dial(t, server, "a").sync(t)
	older.send(t, 1)
	older.end(t)
	if got := server.Report().Unique; got != 0 {
		t.Errorf("%d messages received, want none", got)
	}
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name  string
		fault func(*witness.Server) bool
		check func(error) bool
	}{
		{"reset", func(s *witness.Server) bool { return s.Reset("a") },
			func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
		{"refuse", func(s *witness.Server) bool { return s.Refuse("a") },
			func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
		{"close code", func(s *witness.Server) bool { return s.CloseWith("a", 4000) },
			func(err error) bool { return websocket.IsCloseError(err, 4000) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := listen(t)
			conn := dial(t, server, "a").sync(t)
			if !test.fault(server) {
				t.Fatal("there was nothing to cut")
			}
			if err := <-conn.ended; !test.check(err) {
				t.Errorf("the client saw %v", err)
			}
			if test.fault(server) {
				t.Error("what is cut was cut again")
			}
			if got := server.Whole(); got != 0 {
				t.Errorf("%d clients have a whole connection, want none", got)
			}
			if server.Reset("nobody") {
				t.Error("a client that never came was cut")
			}
		})
	}
}

func TestRefuseRefusesOneHandshake(t *testing.T) {
	server := listen(t)
	dial(t, server, "a").sync(t)
	if !server.Refuse("a") {
		t.Fatal("nothing to refuse")
	}
	_, answer, err := websocket.DefaultDialer.Dial(server.URL("a"), nil)
	if err == nil || answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "" {
		t.Errorf("the handshake was answered %+v", answer)
	}
	dial(t, server, "b").sync(t)
	dial(t, server, "a").sync(t)
}

func TestASilencedSocketIsDeadUntilTheNextHandshake(t *testing.T) {
	tests := map[string]func(*testing.T, *peer){
		"to a ping":            func(t *testing.T, p *peer) { p.ping(t) },
		"to a message":         func(t *testing.T, p *peer) { p.send(t, 1) },
		"to both":              func(t *testing.T, p *peer) { p.send(t, 1); p.ping(t) },
		"to both, ping before": func(t *testing.T, p *peer) { p.ping(t); p.send(t, 1) },
	}
	for name, do := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := listen(t)
			silenced := dial(t, server, "a").sync(t)
			if got := server.Whole(); got != 1 {
				t.Errorf("%d clients have a whole connection, want 1", got)
			}
			if !server.Silence("a") || server.Silence("a") {
				t.Fatal("it was not silenced once")
			}
			if got := server.Whole(); got != 0 {
				t.Errorf("%d clients have a whole connection, want none", got)
			}
			do(t, silenced)
			for range 10 {
				dial(t, server, "b").sync(t).end(t)
			}
			select {
			case <-silenced.ponged:
				t.Error("a silenced socket answered")
			default:
			}
			if got := server.Report().Unique; got != 0 {
				t.Errorf("%d messages were read from a silenced socket", got)
			}
			dial(t, server, "a").sync(t)
			silenced.ping(t) // it is read again
			<-silenced.ponged
			if got := server.Report().Unique; got != 0 {
				t.Errorf("%d messages were received after the next handshake", got)
			}
		})
	}
}

func TestWhatIsNoClientIsRefused(t *testing.T) {
	server := listen(t)
	url := strings.Replace(server.URL(""), "ws://", "http://", 1)
	for _, test := range []struct {
		url  string
		want int
	}{{url, http.StatusBadRequest}, {url + "a", http.StatusBadRequest}} {
		answer, err := http.Get(test.url)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if answer.StatusCode != test.want {
			t.Errorf("GET %s: %d, want %d", test.url, answer.StatusCode, test.want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

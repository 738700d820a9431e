package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/cmd/tether/serve"
)

const generous = 10 * time.Second

// running is a gateway on ports of its own.
type running struct {
	ws, control string // URLs
	stderr      *watched
	interrupt   context.CancelFunc
	ended       chan error
}

// watched is a writer that tells of what is written.
type watched struct {
	mu    sync.Mutex
	text  strings.Builder
	wrote chan struct{} // has room for one
}

func newWatched() *watched { return &watched{wrote: make(chan struct{}, 1)} }

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.wrote <- struct{}{}:
	default:
	}
	return w.text.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// await returns what the pattern's group matches once it does.
func (w *watched) await(t *testing.T, pattern string) string {
	t.Helper()
	late := time.After(generous)
	for {
		text := w.String()
		if found := regexp.MustCompile(pattern).FindStringSubmatch(text); found != nil {
			return found[1]
		}
		select {
		case <-w.wrote:
		case <-late:
			t.Fatalf("told %q, nothing like %s", text, pattern)
		}
	}
}

// begin runs the command line on free ports of loopback, with quick ends. It
// ends with the test.
func begin(t *testing.T, args ...string) *running {
	t.Helper()
	args = append([]string{"--listen=127.0.0.1:0", "--control=127.0.0.1:0", "--drain-spread=0s"}, args...)
	cfg := mustParse(t, args...)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{stderr: newWatched(), interrupt: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- serve.Run(ctx, cfg, io.Discard, r.stderr); close(r.ended) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		<-r.ended
	})
	r.ws = r.stderr.await(t, `"clients connect here","url":"(wss?://\S+?)"`)
	r.control = strings.TrimSuffix(r.stderr.await(t, `"operators connect here","url":"(https?://\S+?)"`), "/")
	return r
}

// get asks the control, and returns the status and the body.
func (r *running) get(t *testing.T, path string, headers ...string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.control+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// dial connects a client that ends with the test.
func (r *running) dial(t *testing.T) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), r.ws, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(generous))
	return conn
}

// wantEcho wants a message to come back.
func wantEcho(t *testing.T, conn *websocket.Conn, text string) {
	t.Helper()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		t.Fatal(err)
	}
	if _, data, err := conn.ReadMessage(); err != nil || string(data) != text {
		t.Fatalf("%q, %v came back for %q", data, err, text)
	}
}

func (r *running) wantEnd(t *testing.T) {
	t.Helper()
	r.interrupt()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

func TestClientsAndOperatorsAreServed(t *testing.T) {
	r := begin(t, "--echo")
	client := r.dial(t)
	wantEcho(t, client, "hello")
	_ = client.Close()
	for path, want := range map[string]string{
		"/": "<!doctype html>", "/healthz": "", "/readyz": "", "/metrics": "tether_", "/debug/pprof/": "goroutine", "/debug/pprof/cmdline": "serve.test",
	} {
		if status, body := r.get(t, path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, %q", path, status, body)
		}
	}
	public := "http" + strings.TrimPrefix(strings.TrimSuffix(r.ws, "/ws"), "ws")
	for _, path := range []string{"/", "/healthz", "/metrics", "/v1/connections", "/debug/pprof/"} {
		answer, err := http.Get(public + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusNotFound {
			t.Errorf("clients get %d from %s", answer.StatusCode, path)
		}
	}
	r.wantEnd(t)
}

func TestThePathIsTheConfigs(t *testing.T) {
	r := begin(t, "--path=/sockets/v2", "--echo")
	if !strings.HasSuffix(r.ws, "/sockets/v2") {
		t.Errorf("announced %s", r.ws)
	}
	wantEcho(t, r.dial(t), "hello")
}

func TestAMessageLongerThanAllowedEndsTheConnection(t *testing.T) {
	conn := begin(t, "--echo", "--max-message=100").dial(t)
	wantEcho(t, conn, strings.Repeat("x", 100))
	_ = conn.WriteMessage(websocket.TextMessage, make([]byte, 101))
	if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
		t.Errorf("the client saw %v", err)
	}
}

func TestOperatorsMustShowTheToken(t *testing.T) {
	const token = "a-token-of-the-test"
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := begin(t, "--control-token-file", file)
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/cmdline", "/v1/events"} {
		if status, _ := r.get(t, path); status != http.StatusUnauthorized {
			t.Errorf("%s: %d without a token", path, status)
		}
	}
	if status, _ := r.get(t, "/debug/pprof/cmdline", "Authorization", "Bearer "+token); status != http.StatusOK {
		t.Errorf("%d with it", status)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, _ := r.get(t, path); status != http.StatusOK {
			t.Errorf("%s: %d without a token", path, status)
		}
	}
	if strings.Contains(r.stderr.String(), token) {
		t.Error("the token is logged")
	}
}

func TestTheLogIsJSONOffATerminalAndTextIfToldSo(t *testing.T) {
	for _, line := range strings.Split(strings.TrimSpace(begin(t).stderr.String()), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("logged %q", line)
		}
	}
	cfg := mustParse(t, "--listen=127.0.0.1:0", "--control=127.0.0.1:0", "--log-format=text", "--echo")
	ctx, cancel := context.WithCancel(t.Context())
	stderr, ended := newWatched(), make(chan error)
	go func() { ended <- serve.Run(ctx, cfg, io.Discard, stderr) }()
	stderr.await(t, `msg="clients connect here" url=(ws://127\S+/ws) authorization=none messages=echoed`)
	cancel()
	<-ended
}

func TestALimitOfFilesTooLowForTheClientsIsTold(t *testing.T) {
	begin(t, "--max-connections=1000000000").stderr.await(t, `"WARN".*(limit of open files)`)
}

func TestWhatFailsAtTheStartIsToldAndLeavesNothingOpen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	_ = free.Close()
	short := write(t, "short")
	for _, test := range []struct {
		args []string
		says []string
	}{
		{[]string{"--listen", taken.Addr().String()}, []string{"choose another address with --listen"}},
		{[]string{"--listen", addr, "--control", taken.Addr().String()}, []string{"choose another address with --control"}},
		{
			[]string{"--listen", addr, "--tls-cert=/no/cert", "--tls-key=/no/key", "--jwt-key", short, "--control-token-file=/no/token"},
			[]string{"--tls-cert and --tls-key: open /no/cert", "--jwt-key: ", "--control-token-file: open /no/token"},
		},
		{[]string{"--listen", addr, "--control-token-file", write(t, " \n")}, []string{"--control-token-file: the file is empty"}},
	} {
		var stderr bytes.Buffer
		err := serve.Run(t.Context(), mustParse(t, test.args...), io.Discard, &stderr)
		if err == nil || stderr.Len() > 0 {
			t.Errorf("%q: %v, logged %q", test.args, err, &stderr)
			continue
		}
		for _, says := range test.says {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%q: %v, want ...%s...", test.args, err, says)
			}
		}
	}
	again, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

package drop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/cmd/tether/drop"
	"github.com/tetherws/tether/supervision/drops"
)

const generous = 10 * time.Second

// running is a drop before an echo server.
type running struct {
	url, control string // control is empty if there is none
	stderr       *watched
	interrupt    context.CancelFunc
	ended        chan error
	stdout       bytes.Buffer // to be read when it has ended
}

// watched is a writer that tells of what is written.
type watched struct {
	mu    sync.Mutex
	text  strings.Builder
	wrote chan struct{} // has room for one
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.wrote <- struct{}{}:
	default:
	}
	return w.text.Write(p)
}

// await returns what the pattern's group matches once it does.
func (w *watched) await(t *testing.T, pattern string) string {
	t.Helper()
	late := time.After(generous)
	for {
		w.mu.Lock()
		text := w.text.String()
		w.mu.Unlock()
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

func begin(t *testing.T, cfg drop.Config) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{stderr: &watched{wrote: make(chan struct{}, 1)}, interrupt: cancel, ended: make(chan error, 1)}
	cfg.Listen, cfg.To = "127.0.0.1:0", echoServer(t)
	go func() { r.ended <- drop.Run(ctx, cfg, &r.stdout, r.stderr) }()
	t.Cleanup(cancel)
	r.url = r.stderr.await(t, `(ws://127\S+) to `)
	if cfg.Control != "" {
		r.control = r.stderr.await(t, `curl (http://\S+)/`)
	}
	return r
}

func echoServer(t *testing.T) string {
	var serving sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serving.Add(1)
		defer serving.Done()
		ws, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		for {
			kind, data, err := ws.ReadMessage()
			if err != nil || ws.WriteMessage(kind, data) != nil {
				return
			}
		}
	}))
	t.Cleanup(func() {
		server.Close()
		serving.Wait()
	})
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

// dial opens a connection that has echoed one message.
func (r *running) dial(t *testing.T) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(r.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	_ = ws.SetReadDeadline(time.Now().Add(generous))
	_ = ws.WriteMessage(websocket.TextMessage, []byte("x"))
	if _, _, err := ws.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	return ws
}

func wantReset(t *testing.T, ws *websocket.Conn) {
	t.Helper()
	if _, _, err := ws.ReadMessage(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client saw %v", err)
	}
}

func (r *running) wantEnd(t *testing.T) {
	t.Helper()
	r.interrupt()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

func TestFaultsOnRequestAndCountsAtTheEnd(t *testing.T) {
	r := begin(t, drop.Config{Control: "127.0.0.1:0", JSON: true})
	first, second := r.dial(t), r.dial(t)
	answer, err := http.Post(r.control+"/v1/faults", "application/json", strings.NewReader(`{"fault":"reset","connection":1}`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if string(body) != "{\"struck\":1}\n" {
		t.Errorf("answered %q", body)
	}
	wantReset(t, first)
	r.wantEnd(t)
	wantReset(t, second)
	var counts drops.ProxyCounts
	if err := json.Unmarshal(r.stdout.Bytes(), &counts); err != nil {
		t.Fatalf("%v in %q", err, &r.stdout)
	}
	if counts.Accepted != 2 || counts.Live != 1 || counts.Faults["reset"] != 1 || counts.FromClient.Messages != 2 || counts.FromServer.Messages != 2 {
		t.Errorf("counted %+v", counts)
	}
}

func TestATableIsPrintedForPeople(t *testing.T) {
	r := begin(t, drop.Config{})
	ws := r.dial(t)
	_ = ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4001, ""))
	_, _, _ = ws.ReadMessage()
	r.wantEnd(t)
	for _, row := range []string{`accepted +\| +1 `, `live +\| +[01] `, `faults +\| +0 \| none`, `clients sent +\| +1 \| messages, .*close codes: 4001 1`} {
		if !regexp.MustCompile(row).MatchString(r.stdout.String()) {
			t.Errorf("no row %q in\n%s", row, &r.stdout)
		}
	}
	if strings.Contains(r.stdout.String()+r.stderr.text.String(), "\x1b") {
		t.Error("an escape sequence off a terminal")
	}
}

func TestTheScriptIsPlayed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "script")
	_ = os.WriteFile(file, []byte("300ms 0 reset\n"), 0o600)
	r := begin(t, drop.Config{Script: file})
	wantReset(t, r.dial(t))
	r.wantEnd(t)
}

func TestTheMixIsPlayedAgainAndAgainOnLiveConnections(t *testing.T) {
	var mix drop.Mix
	if err := mix.UnmarshalText([]byte("1/s reset")); err != nil {
		t.Fatal(err)
	}
	r := begin(t, drop.Config{Mix: mix, For: time.Second, Seed: 7})
	if r.stderr.await(t, `seed (\d+)`) != "7" {
		t.Error("another seed was told")
	}
	for range 3 {
		wantReset(t, r.dial(t))
	}
	r.wantEnd(t)
}

func TestItEndsByItself(t *testing.T) {
	r := begin(t, drop.Config{Duration: time.Millisecond, JSON: true})
	if err := <-r.ended; err != nil || !json.Valid(r.stdout.Bytes()) {
		t.Errorf("%v, %q", err, &r.stdout)
	}
	if r.stderr.await(t, `seed (\d+)`) == "0" {
		t.Error("no seed was picked")
	}
}

func TestWhatFailsIsToldAndNothingIsPrinted(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	bad := filepath.Join(t.TempDir(), "bad")
	_ = os.WriteFile(bad, []byte("1s 0 nonsense\n"), 0o600)
	for want, cfg := range map[string]drop.Config{
		"choose another address with --listen":  {Listen: taken.Addr().String()},
		"choose another address with --control": {Control: taken.Addr().String()},
		"--script: open ":                       {Script: bad + "x"},
		"--script " + bad + ": ":                {Script: bad},
	} {
		if cfg.Listen == "" {
			cfg.Listen = "127.0.0.1:0"
		}
		cfg.To = "ws://localhost"
		var stdout, stderr bytes.Buffer
		err := drop.Run(t.Context(), cfg, &stdout, &stderr)
		if err == nil || !strings.Contains(err.Error(), want) || stdout.Len() > 0 {
			t.Errorf("%v, printed %q; want %s", err, &stdout, want)
		}
	}
}

func TestAFailureLeavesNothingOpen(t *testing.T) {
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
	cfg := drop.Config{Listen: addr, Control: taken.Addr().String(), To: "ws://localhost"}
	if err := drop.Run(t.Context(), cfg, io.Discard, io.Discard); err == nil {
		t.Error("it did not fail")
	}
	again, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

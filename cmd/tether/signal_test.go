package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// roleVariable has the test binary be the program itself.
const roleVariable = "TEST_OF_TETHER"

const generous = 10 * time.Second

// program is a gateway in a process of its own.
type program struct {
	*exec.Cmd
	lines chan string // of its log
	ws    string
	ready string // URL
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.CommandContext(t.Context(), os.Args[0], args...), lines: make(chan string, 1000)}
	p.Env = append(os.Environ(), roleVariable+"=main")
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			p.lines <- lines.Text()
		}
		close(p.lines)
	}()
	p.ws = p.await(t, `"clients connect here","url":"(\S+?)"`)
	p.ready = p.await(t, `"operators connect here","url":"(\S+?)"`) + "readyz"
	return p
}

// await returns what the pattern's group matches in the next line that it does.
func (p *program) await(t *testing.T, pattern string) string {
	t.Helper()
	late := time.After(generous)
	for {
		select {
		case line, more := <-p.lines:
			if found := regexp.MustCompile(pattern).FindStringSubmatch(line); found != nil {
				return found[1]
			}
			if !more {
				t.Fatalf("it ended before it told %s", pattern)
			}
		case <-late:
			t.Fatalf("it does not tell %s", pattern)
		}
	}
}

// rest returns what it tells until it ends, and its status.
func (p *program) rest(t *testing.T) (text string, state *os.ProcessState) {
	t.Helper()
	var lines []string
	for line := range p.lines {
		lines = append(lines, line)
	}
	_ = p.Wait()
	return strings.Join(lines, "\n"), p.ProcessState
}

func (p *program) dial(t *testing.T) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial(p.ws, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(generous))
	return conn
}

var gateway = []string{"serve", "--listen=127.0.0.1:0", "--control=127.0.0.1:0", "--drain-spread=0s", "--echo"}

func TestSIGTERMAndSIGINTTellEveryClientAndExitWith0(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		p := start(t, gateway...)
		client := p.dial(t)
		_ = p.Process.Signal(s)
		if _, _, err := client.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseServiceRestart) {
			t.Errorf("%v: the client saw %v", s, err)
		}
		if text, state := p.rest(t); state.ExitCode() != 0 || !strings.Contains(text, `"drained"`) {
			t.Errorf("%v: %v, told\n%s", s, state, text)
		}
	}
}

func TestTheSecondSignalEndsItAtOnce(t *testing.T) {
	p := start(t, gateway...)
	client := p.dial(t)
	client.SetCloseHandler(func(int, string) error { return nil }) // the close is not answered
	_ = p.Process.Signal(syscall.SIGTERM)
	_, _, _ = client.ReadMessage() // the close: by then it drains
	answer, err := http.Get(p.ready)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d", answer.StatusCode)
	}
	repeat := time.NewTicker(100 * time.Millisecond) // the first may still be on its way to main
	defer repeat.Stop()
	late := time.After(generous)
	for more := true; more; {
		_ = p.Process.Signal(syscall.SIGTERM)
		select {
		case _, more = <-p.lines:
		case <-repeat.C:
		case <-late:
			t.Fatal("it goes on")
		}
	}
	_ = p.Wait()
	if status, ok := p.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", p.ProcessState)
	}
}

func TestAClientThatWasCutExitsWith1(t *testing.T) {
	p := start(t, append(gateway, "--drain-timeout=200ms")...)
	p.dial(t)
	_ = p.Process.Signal(syscall.SIGTERM)
	text, state := p.rest(t)
	if state.ExitCode() != 1 || !strings.Contains(text, `"left":1`) || !strings.Contains(text, "\ntether: 1 clients were cut") {
		t.Errorf("%v, told\n%s", state, text)
	}
}

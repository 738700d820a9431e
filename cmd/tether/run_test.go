package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "main" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// tether runs a command line with that stdin.
func tether(stdin string, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(context.Background(), args, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

func TestAWrongCommandLineIsToldInOneLineWithTheUsage(t *testing.T) {
	tests := []struct{ args, says string }{
		{"", `expected one of "demo", "dial", "drop", "serve"`},
		{"nonsense", "unexpected argument nonsense"},
		{"--nonsense", "unknown flag --nonsense"},
		{"demo nonsense", "unexpected argument nonsense"},
		{"demo --dropz 3", `did you mean "--drops"?`},
		{"demo --drops many", "--drops: expected"},
		{"demo --drops=-1", "--drops must be 0 or more"},
		{"demo --connections 0", "--connections must be 1 or more"},
		{"demo --connections 1000000000", "open files"},
		{"demo --duration 5", "--duration: expected"},
		{"demo --duration=-5s", "--duration must be longer than 0s"},
		{"demo --rate=-1", "--rate must be 0 or more"},
		{"demo --seed=-1", "--seed: expected"},
		{"demo --json=perhaps", "--json"},
		{"dial", "give a URL"},
		{"dial http://localhost", "must begin with ws://HOST"},
		{"dial ws://localhost more", "unexpected argument more"},
		{"dial ws://localhost --header nonsense", "--header: \"nonsense\" is not a header"},
		{"dial ws://localhost --heartbeat-idle 0s", "--heartbeat-idle must be longer than 0s"},
		{"dial ws://localhost --heartbeat-timeout x", "--heartbeat-timeout: expected"},
		{"dial ws://localhost --max-message 1MB", "--max-message: \"1MB\" is not a size"},
		{"dial ws://localhost --hello", "--hello: missing"},
		{"drop", "name the server with --to"},
		{"drop --to http://localhost", "must begin with ws://HOST"},
		{"drop --to ws://localhost more", "unexpected argument more"},
		{"drop --to ws://localhost --control 10.0.0.1:9091", "must be on this machine"},
		{"drop --to ws://localhost --mix nonsense", "--mix: "},
		{"drop --to ws://localhost --mix default --script file", "--script and --mix"},
		{"drop --to ws://localhost --duration 5", "--duration: expected"},
		{"serve more", "unexpected argument more"},
		{"serve --ecko", `did you mean "--echo"?`},
		{"serve --max-message 1MB", "--max-message: \"1MB\" is not a size"},
		{"serve --control :8081", "--control must be on loopback"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			status, stdout, stderr := tether("", strings.Fields(test.args)...)
			line, rest, _ := strings.Cut(stderr, "\n")
			if status != 2 || !strings.HasPrefix(line, "tether: ") || !strings.Contains(line, test.says) {
				t.Errorf("status %d, %q, want 2 and ...%s...", status, line, test.says)
			}
			if !strings.HasPrefix(rest, "Usage: tether") || stdout != "" {
				t.Errorf("then %q, and %q on stdout", rest, stdout)
			}
		})
	}
}

func TestEveryBadSettingOfServeIsToldInALineOfItsOwn(t *testing.T) {
	t.Setenv("TETHER_MAX_PER_IP", "0")
	status, stdout, stderr := tether("", "serve", "--listen=x", "--drain-code=1000")
	lines := strings.Split(stderr, "\n")
	if status != 2 || stdout != "" || len(lines) < 4 || !strings.HasPrefix(lines[3], "Usage: ") {
		t.Fatalf("status %d, %q", status, stderr)
	}
	for i, says := range []string{"--listen must", "--drain-code must", "TETHER_MAX_PER_IP must"} {
		if !strings.HasPrefix(lines[i], "tether: "+says) {
			t.Errorf("line %d is %q, want %s...", i, lines[i], says)
		}
	}
}

func TestTheEnvironmentOfServeIsNoneOfTheOthers(t *testing.T) {
	t.Setenv("TETHER_MAX_MESSAGE", "nonsense")
	t.Setenv("TETHER_LISTEN", "nonsense")
	if status, _, stderr := tether("", "drop", "--listen=127.0.0.1:0", "--control=", "--to=ws://localhost", "--duration=1ms"); status != 0 {
		t.Errorf("status %d, %q", status, stderr)
	}
}

func TestHelpAndVersionAreAnswers(t *testing.T) {
	for args, says := range map[string]string{
		"--help":               "demo [flags]",
		"demo --help":          "--connections=1000",
		"dial --help":          "--max-message=1MiB",
		"drop --help":          "--control=\"127.0.0.1:9091\"",
		"serve --help":         "--listen=\"127.0.0.1:8080\"",
		"serve --print-config": "listen: 127.0.0.1:8080\n",
		"--version":            "tether ",
	} {
		status, stdout, stderr := tether("", strings.Fields(args)...)
		if status != 0 || stderr != "" || !strings.Contains(stdout, says) {
			t.Errorf("%s: status %d, %q on stderr, %q", args, status, stderr, stdout)
		}
	}
}

func TestDemoPrintsOneObject(t *testing.T) {
	status, stdout, stderr := tether("", "demo", "--connections=5", "--duration=100ms", "--drops=20", "--rate=100", "--seed=9", "--json")
	var result struct {
		Connections, Open, Sent, Lost int
	}
	if err := json.Unmarshal([]byte(stdout), &result); err != nil {
		t.Fatalf("%v in %q", err, stdout)
	}
	if status != 0 || result.Connections != 5 || result.Open != 5 || result.Sent == 0 || result.Lost != 0 {
		t.Errorf("status %d, %+v", status, result)
	}
	if !strings.Contains(stderr, "seed 9\n") {
		t.Errorf("told %q", stderr)
	}
}

func TestDialTakesItsFlags(t *testing.T) {
	upgrader := websocket.Upgrader{}
	asked := make(chan http.Header, 1)
	got := make(chan string, 3)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			_, data, err := conn.ReadMessage()
			if err != nil {
				return
			}
			got <- string(data)
		}
	}))
	defer server.Close()
	url := "ws" + strings.TrimPrefix(server.URL, "http")
	status, _, stderr := tether("line\n", "dial", "--header=X-A: 1, 2", "--header", "X-B: 3", "--hello", "a,b", "--hello=c", url)
	if status != 0 || !strings.Contains(stderr, "tether: open\n") {
		t.Errorf("status %d, told %q", status, stderr)
	}
	if h := <-asked; h.Get("X-A") != "1, 2" || h.Get("X-B") != "3" {
		t.Errorf("asked with %v", h)
	}
	for _, want := range []string{"a,b", "c", "line"} {
		if text := <-got; text != want {
			t.Errorf("sent %q, want %q", text, want)
		}
	}
}

func TestDropEndsByItselfAndPrintsOneObject(t *testing.T) {
	status, stdout, stderr := tether("", "drop", "--listen=127.0.0.1:0", "--control=", "--to=ws://localhost", "--mix=default", "--seed=9", "--duration=1ms", "--json")
	var counts struct{ Accepted *int }
	if err := json.Unmarshal([]byte(stdout), &counts); err != nil {
		t.Fatalf("%v in %q", err, stdout)
	}
	if status != 0 || counts.Accepted == nil || !strings.Contains(stderr, " to ws://localhost, seed 9\n") || strings.Contains(stderr, "control") {
		t.Errorf("status %d, told %q", status, stderr)
	}
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	status, stdout, stderr = tether("", "drop", "--listen", taken.Listener.Addr().String(), "--to=ws://localhost")
	if status != 1 || stdout != "" || !strings.HasPrefix(stderr, "tether: listen tcp ") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("status %d, told %q", status, stderr)
	}
}

func TestAFailureIsToldAndExitsWith1(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	status, stdout, stderr := tether("", "dial", "--once", "ws"+strings.TrimPrefix(server.URL, "http"))
	if status != 1 || stdout != "" || !strings.Contains(stderr, "tether: dropped while connecting: ") || !strings.Contains(stderr, "404") {
		t.Errorf("status %d, told %q", status, stderr)
	}
}

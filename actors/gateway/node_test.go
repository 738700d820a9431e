package gateway_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// These tests run other people's clients, in Node. They need node and npm, and
// the packages of testdata/node: either "npm ci" was run there, or the test
// does that in a directory of its own, from the npm registry, if CI is true or
// TETHER_NPM is set. Without them they are skipped; if CI is true they fail.

const nodePatience = 2 * time.Minute

// nodeDir returns a directory with the scripts and their packages.
func nodeDir(t *testing.T) string {
	t.Helper()
	const scripts = "testdata/node"
	ci := os.Getenv("CI") == "true"
	if _, err := exec.LookPath("node"); err != nil {
		nodeMissing(t, ci, "no node: apt-get install nodejs npm")
	}
	if _, err := os.Stat(filepath.Join(scripts, "node_modules")); err == nil {
		return scripts
	}
	if !ci && os.Getenv("TETHER_NPM") == "" {
		nodeMissing(t, ci, "no packages: run npm ci in actors/gateway/testdata/node, or set TETHER_NPM=1")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(scripts)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), nodePatience)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		nodeMissing(t, ci, "npm ci: "+err.Error()+"\n"+string(out))
	}
	return dir
}

func nodeMissing(t *testing.T, ci bool, why string) {
	t.Helper()
	if ci {
		t.Fatal(why)
	}
	t.Skip(why)
}

// runNode runs a script, which ends once the test has, and returns the lines it
// prints.
func runNode(ctx context.Context, t *testing.T, script string, args ...string) <-chan string {
	t.Helper()
	cmd := exec.CommandContext(ctx, "node", append([]string{script}, args...)...)
	cmd.Dir = nodeDir(t)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(lines)
		for in := bufio.NewScanner(stdout); in.Scan(); {
			select {
			case lines <- in.Text():
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		go func() {
			for range lines { // so that it is not held up by what it prints
			}
		}()
		<-read
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, complaints.String())
		}
	})
	return lines
}

// nodeGateway is a gateway that echoes, on one port for all its lives.
type nodeGateway struct {
	t       *testing.T
	config  gateway.Config
	addr    string
	m       *actors.Manager
	g       *gateway.Gateway
	server  *http.Server
	sockets *drops.Listener
}

func (g *nodeGateway) start() {
	g.t.Helper()
	m, err := actors.New(conformConfig())
	if err != nil {
		g.t.Fatal(err)
	}
	if g.g, err = gateway.New(gateway.Local(m), g.config); err != nil {
		g.t.Fatal(err)
	}
	l, err := net.Listen("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.addr, g.m, g.sockets = l.Addr().String(), m, drops.Listen(l)
	g.server = &http.Server{Handler: g.g, ReadHeaderTimeout: conformPatience}
	go g.server.Serve(g.sockets)
}

// stop ends it as a deployment does: its clients are told. With crash they are
// not.
func (g *nodeGateway) stop(crash bool) {
	ctx, cancel := context.WithTimeout(context.Background(), conformPatience)
	defer cancel()
	if crash {
		_ = g.server.Close()
		for _, c := range g.sockets.Conns() {
			_ = drops.Reset{}.Inject(c)
		}
	} else if _, left := g.g.Drain(ctx, 0, 0); left > 0 {
		g.t.Errorf("%d clients were left", left)
	}
	_ = g.server.Close()
	_ = g.m.Shutdown(ctx)
	g.g.Close()
}

func (g *nodeGateway) url() string { return "ws://" + g.addr + "/ws" }

func TestOtherClientsComeBackAfterARestart(t *testing.T) {
	const each = 200
	ctx, cancel := context.WithTimeout(context.Background(), nodePatience)
	t.Cleanup(cancel)
	g := &nodeGateway{t: t, config: gateway.Config{MaxPerIP: 3 * each, RatePerIP: 1000}, addr: "127.0.0.1:0"}
	g.start()
	t.Cleanup(func() { g.stop(true) })
	lines := runNode(ctx, t, "clients.js", g.url(), strconv.Itoa(each))
	nodeAllEcho(ctx, t, lines, each)
	for _, crash := range []bool{false, true} {
		g.stop(crash)
		g.start()
		nodeAllEcho(ctx, t, lines, each)
	}
}

// nodeAllEcho waits until so many clients of each kind have had an echo.
func nodeAllEcho(ctx context.Context, t *testing.T, lines <-chan string, each int) {
	t.Helper()
	up := map[string]map[string]bool{"ws": {}, "reconnecting-websocket": {}, "partysocket": {}}
	for missing := each * len(up); missing > 0; {
		select {
		case line, ok := <-lines:
			kind, index, _ := strings.Cut(line, " ")
			if !ok || up[kind] == nil || strings.Contains(index, " ") {
				t.Fatalf("a client says %q", line)
			}
			if !up[kind][index] {
				up[kind][index] = true
				missing--
			}
		case <-ctx.Done():
			for kind, have := range up {
				t.Errorf("%s: %d of %d are back", kind, len(have), each)
			}
			t.FailNow()
		}
	}
}

// The seed's client gets its heartbeat answered at once, so that it stays; and
// comes back after an outage, with more sockets than it had: as many as one
// address may hold.
func TestTheSeedsClientIsAnsweredAndComesBack(t *testing.T) {
	const most = 4
	ctx, cancel := context.WithTimeout(context.Background(), nodePatience)
	t.Cleanup(cancel)
	g := &nodeGateway{t: t, config: gateway.Config{AllowOrigins: []string{"http://page.example"}, MaxPerIP: most}, addr: "127.0.0.1:0"}
	g.start()
	t.Cleanup(func() { g.stop(true) })
	lines := runNode(ctx, t, "seed.js", g.url(), "200")
	nodeSays(t, lines, "open", "got data", "heart", "got heart", "heart", "got heart", "heart", "got heart")
	g.stop(false)
	nodeSays(t, lines, "close 1012", "close 1006", "close 1006", "close 1006", "close 1006")
	g.start()
	nodeSays(t, lines, "open", "open", "open", "open", "close 1006", "close 1006")
	if open, refused := nodeOpen(g.m), g.g.Counts().Refused["address_full"]; open != most || refused == 0 {
		t.Errorf("it has %d sockets, and was refused %d", open, refused)
	}
}

// nodeSays waits for the lines, in order; before the last other ones may come,
// but none of a silence.
func nodeSays(t *testing.T, lines <-chan string, want ...string) {
	t.Helper()
	for line := range lines {
		if line == "silence" {
			t.Fatalf("the client met silence before %q", want)
		}
		if line == want[0] {
			want = want[1:]
		}
		if len(want) == 0 {
			return
		}
	}
	t.Fatalf("the client ended before %q", want)
}

func nodeOpen(m *actors.Manager) (open int) {
	for info := range m.Connections() {
		if info.State == messages.Open {
			open++
		}
	}
	return open
}

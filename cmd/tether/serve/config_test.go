package serve_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/tetherws/tether/cmd/tether/serve"
)

// parse reads a command line, on top of the environment.
func parse(args ...string) (serve.Config, error) {
	var line struct {
		Serve serve.Config `cmd:""`
	}
	parser, err := kong.New(&line, kong.PostBuild(serve.Layered))
	if err != nil {
		return serve.Config{}, err
	}
	_, err = parser.Parse(append([]string{"serve"}, args...))
	return line.Serve, err
}

func mustParse(t *testing.T, args ...string) serve.Config {
	t.Helper()
	cfg, err := parse(args...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// wantProblems wants an error of exactly these lines, in any order.
func wantProblems(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", want)
	}
	got := strings.Split(err.Error(), "\n")
	if len(got) != len(want) {
		t.Errorf("%d problems, want %d:\n%v", len(got), len(want), err)
	}
	for _, line := range want {
		if !strings.Contains("\n"+err.Error(), "\n"+line) {
			t.Errorf("no line %q... in\n%v", line, err)
		}
	}
}

func write(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "tether.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// printed is what --print-config prints.
func printed(t *testing.T, cfg serve.Config) string {
	t.Helper()
	cfg.PrintConfig = true
	var stdout, stderr bytes.Buffer
	if err := serve.Run(t.Context(), cfg, &stdout, &stderr); err != nil || stderr.Len() > 0 {
		t.Fatalf("%v, told %q", err, &stderr)
	}
	return stdout.String()
}

func values(text string) string { return regexp.MustCompile(` +#.*`).ReplaceAllString(text, "") }

func TestFlagsWinOverTheEnvironmentOverTheFileOverDefaults(t *testing.T) {
	const deflt, inFile, inEnvironment, onCommandLine = 10000, 1, 2, 3
	for layers, want := range map[string]int{
		"": deflt, "f": inFile, "e": inEnvironment, "ef": inEnvironment,
		"c": onCommandLine, "cf": onCommandLine, "ce": onCommandLine, "cef": onCommandLine,
	} {
		t.Run(layers, func(t *testing.T) {
			var args []string
			if strings.Contains(layers, "f") {
				args = append(args, "--config", write(t, "max-connections: 1"))
			}
			if strings.Contains(layers, "e") {
				t.Setenv("TETHER_MAX_CONNECTIONS", "2")
			}
			if strings.Contains(layers, "c") {
				args = append(args, "--max-connections=3")
			}
			if got := mustParse(t, args...).MaxConnections; got != want {
				t.Errorf("%d, want %d", got, want)
			}
		})
	}
}

func TestListsAreRepeatedOrSeparatedOrYAML(t *testing.T) {
	want := "[https://a.example https://b.example:8443]"
	file := "--config=" + write(t, "allow-origin:\n- https://a.example\n- https://b.example:8443\n")
	for name, got := range map[string]serve.Config{
		"repeated":  mustParse(t, "--allow-origin", "https://a.example", "--allow-origin=https://b.example:8443"),
		"separated": mustParse(t, "--allow-origin", "https://a.example,https://b.example:8443"),
		"in a file": mustParse(t, file),
	} {
		if fmt.Sprint(got.AllowOrigin) != want {
			t.Errorf("%s: %v", name, got.AllowOrigin)
		}
	}
	if got := mustParse(t, file, "--allow-origin=*").AllowOrigin; fmt.Sprint(got) != "[*]" {
		t.Errorf("a flag does not replace the file's list: %v", got)
	}
	t.Setenv("TETHER_ALLOW_ORIGIN", "https://a.example,https://b.example:8443")
	if got := mustParse(t).AllowOrigin; fmt.Sprint(got) != want {
		t.Errorf("in the environment: %v", got)
	}
}

func TestTheEnvironmentMayNameTheFile(t *testing.T) {
	t.Setenv("TETHER_CONFIG", write(t, "path: /environment"))
	if got := mustParse(t).Path; got != "/environment" {
		t.Errorf("path %q", got)
	}
	if got := mustParse(t, "--config", write(t, "path: /flag")).Path; got != "/flag" {
		t.Errorf("path %q with --config", got)
	}
}

func TestAnEmptyFileAndAnEmptyVariableSetNothing(t *testing.T) {
	t.Setenv("TETHER_MAX_CONNECTIONS", "")
	for _, text := range []string{"", "# nothing\n", "---\n"} {
		if got := mustParse(t, "--config", write(t, text)); got.MaxConnections != 10000 {
			t.Errorf("%q: %d", text, got.MaxConnections)
		}
	}
}

func TestABooleanCanBeTakenBackByAHigherLayer(t *testing.T) {
	file := "--config=" + write(t, "echo: true\nseed-heartbeat: false\ncompress: yes\n")
	if got := mustParse(t, file); !got.Echo || got.SeedHeartbeat || !got.Compress {
		t.Errorf("the file is read as echo %v, seed-heartbeat %v, compress %v", got.Echo, got.SeedHeartbeat, got.Compress)
	}
	t.Setenv("TETHER_COMPRESS", "false")
	if got := mustParse(t, file, "--echo=false", "--seed-heartbeat"); got.Echo || !got.SeedHeartbeat || got.Compress {
		t.Errorf("it stays echo %v, seed-heartbeat %v, compress %v", got.Echo, got.SeedHeartbeat, got.Compress)
	}
	if mustParse(t, "--no-seed-heartbeat").SeedHeartbeat {
		t.Error("--no-seed-heartbeat does nothing")
	}
}

func TestEveryBadValueOfEveryLayerIsToldAtOnce(t *testing.T) {
	path := write(t, `listen: nowhere
max-connections: 0
nonsense: 1
path: [/a, /b]
trusted-proxy:
  - 10.0.0.0/8
  - nonsense
compress: perhaps
jwt-key:
queue-bytes: {a: 1}
drain-code: 1000
queue-messages: 1
queue-messages: 2
config: other.yaml
max-message: 0
`)
	t.Setenv("TETHER_MAX_MESSAGE", "1MB")
	t.Setenv("TETHER_MAX_PER_IP", "many")
	t.Setenv("TETHER_NONSENSE", "1")
	t.Setenv("TETHER_ALLOW_ORIGIN", "https://a.example/path")
	t.Setenv("TETHER_PRINT_CONFIG", "true")
	_, err := parse("--config", path, "--resume=-1s", "--rate-per-ip=NaN", "--log-format=xml", "--tls-cert=cert.pem",
		"--jwt-issuer=me", "--drain-spread=-1m", "--control=:8081", "--header-timeout=5", "--log-level=loud", "--control-host=a:1")
	wantProblems(t, err,
		"--resume must be 0s or longer",
		"--rate-per-ip must be more than 0",
		`--log-format: "xml" must be auto, text or json`,
		"--tls-cert must come with --tls-key",
		"--jwt-issuer must come with --jwt-key",
		"--drain-spread must be 0s or longer",
		"--control must be on loopback",
		"--header-timeout: expected duration",
		"--log-level: slog: level string",
		`--control-host: "a:1" is not a host name`,
		`TETHER_MAX_MESSAGE: "1MB" is not a size`,
		"TETHER_MAX_PER_IP: expected a valid 64 bit int",
		"TETHER_NONSENSE is not a variable of tether serve",
		"TETHER_PRINT_CONFIG is not a variable of tether serve",
		`TETHER_ALLOW_ORIGIN: "https://a.example/path" is not an origin`,
		path+":1: listen must be HOST:PORT",
		path+":2: max-connections must be 1 or more",
		path+":3: nonsense is not a setting of tether serve",
		path+":4: path must be a plain value",
		path+`:5: trusted-proxy: "nonsense" is not a range of addresses`,
		path+":8: compress: bool value must be",
		path+":9: jwt-key has no value",
		path+":10: queue-bytes must be a plain value",
		path+":11: drain-code must be 1012 or 1001",
		path+":13: queue-messages is set twice",
		path+":14: config is not a setting of tether serve",
		path+":15: max-message must be 1 or more",
	)
}

func TestAFileThatCannotBeReadIsTold(t *testing.T) {
	for text, says := range map[string]string{
		"listen: [":                             "yaml: line ",
		"- listen":                              "must be a mapping",
		"listen: a\n---\nlisten: b":             "must hold one YAML document",
		strings.Repeat("# long\n", 1<<20/7+1):   "is longer than 1MiB",
		"listen: &a x\npath: *a\nconnect: *a\n": "path must be a plain value",
	} {
		_, err := parse("--config", write(t, text))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20q: %v, want ...%s...", text, err, says)
		}
	}
	_, err := parse("--config=/nowhere/tether.yaml", "--max-per-ip=0")
	wantProblems(t, err, "--config: open /nowhere/tether.yaml", "--max-per-ip must be 1 or more")
	t.Setenv("TETHER_CONFIG", "/nowhere/tether.yaml")
	_, err = parse()
	wantProblems(t, err, "TETHER_CONFIG: open /nowhere/tether.yaml")
}

func TestVariablesThatKubernetesSetsForAServiceAreNoneOfOurs(t *testing.T) {
	for _, name := range []string{
		"TETHER_SERVICE_HOST", "TETHER_SERVICE_PORT", "TETHER_SERVICE_PORT_HTTP", "TETHER_PORT",
		"TETHER_PORT_8080_TCP", "TETHER_PORT_8080_TCP_ADDR", "TETHER_PORT_8080_TCP_PORT", "TETHER_PORT_8080_TCP_PROTO",
	} {
		t.Setenv(name, "tcp://10.0.0.1:8080")
	}
	mustParse(t)
}

func TestWhatExcludesEachOtherIsDecidedByTheHigherLayer(t *testing.T) {
	file := write(t, "backend: http://localhost:9000\ncontrol-token: from-file\n")
	if got := mustParse(t, "--config", file, "--echo", "--control-token-file=token"); got.Backend != "" || !got.Echo ||
		got.ControlToken != "" || got.ControlTokenFile != "token" {
		t.Errorf("backend %q, echo %v, token %q, file %q", got.Backend, got.Echo, string(got.ControlToken), got.ControlTokenFile)
	}
	_, err := parse("--echo", "--discard", "--backend=http://localhost")
	wantProblems(t, err, "--echo and --discard and --backend exclude each other")
	both := write(t, "echo: true\ndiscard: true\n")
	_, err = parse("--config", both)
	wantProblems(t, err, both+":1: echo and "+both+":2: discard exclude each other")
	mustParse(t, "--config", both, "--echo=false")
	t.Setenv("TETHER_CONTROL_TOKEN", "a")
	t.Setenv("TETHER_CONTROL_TOKEN_FILE", "b")
	_, err = parse()
	wantProblems(t, err, "TETHER_CONTROL_TOKEN_FILE and TETHER_CONTROL_TOKEN exclude each other")
}

func TestControlBeyondLoopbackNeedsAToken(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"} {
		mustParse(t, "--control", addr)
	}
	beyond := []string{"0.0.0.0:1", "[::]:1", ":1", "10.0.0.1:1", "gateway.example:1"}
	for _, addr := range beyond {
		_, err := parse("--control", addr)
		wantProblems(t, err, "--control must be on loopback, such as 127.0.0.1:8081, unless there is a --control-token-file or TETHER_CONTROL_TOKEN")
	}
	mustParse(t, "--control", beyond[0], "--control-token-file=token")
	t.Setenv("TETHER_CONTROL_TOKEN", "")
	if _, err := parse("--control", beyond[0]); err == nil {
		t.Error("an empty token will do")
	}
	t.Setenv("TETHER_CONTROL_TOKEN", "x")
	mustParse(t, "--control", beyond[0])
}

func TestATokenIsRefusedOnTheCommandLineAndIfItCannotStandInAHeader(t *testing.T) {
	_, err := parse("--control-token=letmein")
	wantProblems(t, err, "--control-token must not stand where everybody can read it")
	t.Setenv("TETHER_CONTROL_TOKEN", "let me\nin")
	_, err = parse()
	wantProblems(t, err, "TETHER_CONTROL_TOKEN: holds a space")
	if strings.Contains(err.Error(), "let") {
		t.Errorf("the token is told: %v", err)
	}
}

func TestEchoNeedsRoomForTheLongestMessage(t *testing.T) {
	_, err := parse("--echo", "--max-message=16MiB")
	wantProblems(t, err, "--queue-bytes must be at least --max-message (16MiB) with --echo")
	mustParse(t, "--max-message=16MiB")
	mustParse(t, "--echo", "--max-message=16MiB", "--queue-bytes=64MiB", "--compress")
}

func TestAddressesPathsAndURLs(t *testing.T) {
	for _, bad := range []string{
		"--listen=127.0.0.1", "--listen=127.0.0.1:x", "--listen=127.0.0.1:70000", "--listen=", "--control=1",
		"--path=ws", "--path=", "--path=/a/../b", "--path=/a?b", "--path=/a//b", "--path=/a/", "--path=/%41",
		"--backend=ftp://x", "--backend=http://", "--backend=localhost:80", "--backend=http://me:pass@x", "--backend=nats://x",
		"--allow-origin=app.example", "--allow-origin=https://", "--allow-origin=https://a/", "--allow-origin=https://a:", "--allow-origin=https://a b", "--trusted-proxy=::ffff:10.0.0.0/104", "--allow-origin=https://a,,b",
		"--trusted-proxy=10.0.0.0/99", "--trusted-proxy=proxy", "--trusted-proxy=fe80::1%eth0",
		"--control-host=http://x", "--control-host=*",
	} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	mustParse(t, "--listen=:0", "--path=/", "--backend=https://x:1/path?q=1", "--allow-origin=null,*,http://a:1",
		"--trusted-proxy=10.0.0.0/8,192.0.2.1,2001:db8::/32,::1", "--control-host=gateway.example,10.0.0.1,::1")
}

func TestWhatIsPrintedCanBeReadBack(t *testing.T) {
	file := write(t, "max-message: 2MiB\nallow-origin: [\"https://a.example\", \"*\"]\ntrusted-proxy: [10.1.2.3/8, \"::1\"]\n")
	t.Setenv("TETHER_RATE_PER_IP", "0.5")
	first := printed(t, mustParse(t, "--config", file, "--listen=[::1]:0", "--backend=http://localhost:9000/x?y=z", "--resume=0s",
		"--log-level=debug", "--no-seed-heartbeat", "--control-host=gateway.example", "--queue-bytes=1000", "--jwt-issuer=: #'\"", "--jwt-key=k"))
	for _, line := range []string{
		"max-message: 2MiB # " + file + ":1: max-message", "rate-per-ip: 0.5 # TETHER_RATE_PER_IP", "queue-bytes: \"1000\" # --queue-bytes",
		"resume: 0s # --resume", "control-host: [gateway.example] # --control-host", "drain-timeout: 30s", "max-connections: 10000",
	} {
		if !strings.Contains("\n"+first, "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, first)
		}
	}
	t.Setenv("TETHER_RATE_PER_IP", "")
	second := printed(t, mustParse(t, "--config", write(t, first)))
	if values(second) != values(first) {
		t.Errorf("printed\n%s\nand read back\n%s", first, second)
	}
	if strings.Contains(first, "print-config") || strings.Contains(first, "\nconfig:") {
		t.Errorf("what is no setting is printed:\n%s", first)
	}
}

func TestSecretsAreHiddenAndNeverTakenForThemselves(t *testing.T) {
	const token = "Zf9pT2-the-token"
	t.Setenv("TETHER_CONTROL_TOKEN", token)
	cfg := mustParse(t)
	text := printed(t, cfg)
	if !strings.Contains(text, "\ncontrol-token: (hidden) # TETHER_CONTROL_TOKEN\n") {
		t.Errorf("printed\n%s", text)
	}
	for _, shown := range []string{text, fmt.Sprint(cfg), fmt.Sprintf("%+v", cfg), fmt.Sprintf("%#v", cfg.ControlToken)} {
		if strings.Contains(shown, token) {
			t.Errorf("the token is in %s", shown)
		}
	}
	again := write(t, text)
	if got := mustParse(t, "--config", again).ControlToken; got != token {
		t.Error("where the environment has the token, what was printed can't be read back")
	}
	t.Setenv("TETHER_CONTROL_TOKEN", "")
	if got := mustParse(t, "--config", again, "--control-token-file=token"); got.ControlToken != "" {
		t.Error("the placeholder outlives a token file")
	}
	_, err := parse("--config", again)
	before, _, _ := strings.Cut(text, "control-token:")
	line := strings.Count(before, "\n") + 1
	wantProblems(t, err, fmt.Sprintf("%s:%d: control-token must be the token itself", again, line))
}

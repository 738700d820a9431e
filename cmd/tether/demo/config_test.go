package demo

import (
	"strings"
	"testing"
	"time"
)

func TestBadValuesAreToldByTheirFlag(t *testing.T) {
	good := Config{Connections: 1, Duration: time.Second}
	if err := good.Validate(); err != nil {
		t.Errorf("a good Config is refused: %v", err)
	}
	for flag, spoil := range map[string]func(*Config){
		"--connections must":         func(c *Config) { c.Connections = 0 },
		"--duration must":            func(c *Config) { c.Duration = 0 },
		"--drops must":               func(c *Config) { c.Drops = -1 },
		"--rate must":                func(c *Config) { c.Rate = -1 },
		"--connections 1000000000 n": func(c *Config) { c.Connections = 1e9 },
	} {
		bad := good
		spoil(&bad)
		if err := bad.Validate(); err == nil || !strings.HasPrefix(err.Error(), flag) {
			t.Errorf("%+v: %v, want %s...", bad, err, flag)
		}
	}
}

func TestTooFewOpenFiles(t *testing.T) {
	tests := []struct {
		connections int
		limit       uint64
		want        string
	}{
		{5000, 20000, ""},
		{1000, 2200, ""},
		{1000, 2199, "--connections 1000 needs 2200 open files and the limit is 2199: raise it with ulimit -n 2200, or use --connections 999"},
		{1000, 202, "--connections 1000 needs 2200 open files and the limit is 202: raise it with ulimit -n 2200, or use --connections 1"},
		{1000, 100, "--connections 1000 needs 2200 open files and the limit is 100: raise it with ulimit -n 2200"},
	}
	for _, test := range tests {
		got := ""
		if err := checkFiles(test.connections, test.limit); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%d connections, %d files: %q, want %q", test.connections, test.limit, got, test.want)
		}
	}
}

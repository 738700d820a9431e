package drop_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/cmd/tether/drop"
)

func TestBadValuesAreToldWithWhatToDo(t *testing.T) {
	good := drop.Config{Listen: "127.0.0.1:0", To: "wss://localhost", Control: "[::1]:0", For: time.Hour}
	for _, control := range []string{"[::1]:0", "", "localhost:1", "127.9.9.9:http"} {
		good.Control = control
		if err := good.Validate(); err != nil {
			t.Errorf("a good Config is refused: %v", err)
		}
	}
	for want, spoil := range map[string]func(*drop.Config){
		"name the server with --to":                 func(c *drop.Config) { c.To = "" },
		"--to is not a URL":                         func(c *drop.Config) { c.To = "ws://%zz" },
		`--to "http://x" must begin with ws://HOST`: func(c *drop.Config) { c.To = "http://x" },
		"--to must hold neither user":               func(c *drop.Config) { c.To = "ws://me:x@host" },
		`--listen "9090" must be HOST:PORT`:         func(c *drop.Config) { c.Listen = "9090" },
		`--control "x" must be HOST:PORT`:           func(c *drop.Config) { c.Control = "x" },
		"--control :9091 must be on this machine":   func(c *drop.Config) { c.Control = ":9091" },
		"--control 10.0.0.1:1 must be on this":      func(c *drop.Config) { c.Control = "10.0.0.1:1" },
		"--control example.com:1 must be on this":   func(c *drop.Config) { c.Control = "example.com:1" },
		"--for must be longer than 0s":              func(c *drop.Config) { c.For = 0 },
		"--duration must be 0s or longer":           func(c *drop.Config) { c.Duration = -1 },
	} {
		bad := good
		spoil(&bad)
		if err := bad.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want %s...", bad, err, want)
		}
	}
}

package dial_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/cmd/tether/dial"
)

func TestBadValuesAreToldWithWhatToDo(t *testing.T) {
	good := dial.Config{URL: "ws://localhost", HeartbeatIdle: time.Second, HeartbeatTimeout: time.Second, MaxMessage: 1}
	if err := good.Validate(); err != nil {
		t.Errorf("a good Config is refused: %v", err)
	}
	for want, spoil := range map[string]func(*dial.Config){
		"give a URL":                                 func(c *dial.Config) { c.URL = "" },
		`"http://x" must begin with ws://HOST`:       func(c *dial.Config) { c.URL = "http://x" },
		`"ws:///path" must begin with ws://HOST`:     func(c *dial.Config) { c.URL = "ws:///path" },
		`"ws://%zz" is not a URL`:                    func(c *dial.Config) { c.URL = "ws://%zz" },
		"the URL must not hold a user: use --header": func(c *dial.Config) { c.URL = "ws://me@host" },
		"--heartbeat-idle must be longer than 0s":    func(c *dial.Config) { c.HeartbeatIdle = -1 },
		"--heartbeat-timeout must be longer than 0s": func(c *dial.Config) { c.HeartbeatTimeout = 0 },
		"--max-message must be 1 or more":            func(c *dial.Config) { c.MaxMessage = 0 },
		"--resume offers tether.v1 alone":            func(c *dial.Config) { c.Resume, c.Subprotocol = true, []string{"a"} },
		"--resume counts messages":                   func(c *dial.Config) { c.Resume, c.Beat = true, "beat" },
	} {
		bad := good
		spoil(&bad)
		if err := bad.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want %s...", bad, err, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	for text, want := range map[string]dial.Header{
		"K: V":                  {Name: "K", Value: "V"},
		"authorization:Bearer:": {Name: "Authorization", Value: "Bearer:"},
		"X-Empty:":              {Name: "X-Empty"},
	} {
		var got dial.Header
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "K", ": V", "K K: V", "K: a\r\nB: b", "Upgrade: h2c", "sec-websocket-key: x"} {
		var got dial.Header
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken for %v", text, got)
		}
	}
}

package backend_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/actors/gateway/backend"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

func TestEachBadFieldIsReported(t *testing.T) {
	_, err := backend.New(backend.Config{
		Concurrency: -1, Timeout: -1, Total: -1, MaxAnswer: -1,
		Backoff: supervision.Backoff{Min: -1, Factor: 0.5},
		Header: http.Header{
			"Host": {"x"}, "content-type": {"x"}, "tether-event": {"x"}, "X Y": {"x"}, "X-Break": {"a", "b\r\nc"}, "X-Good": {"a\tb é"},
		},
	})
	if !errors.Is(err, messages.ErrInvalid) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"URL with scheme \"\"", "Concurrency is -1", "Timeout is -1ns", "Total is -1ns", "MaxAnswer is -1", "Backoff.Min", "Backoff.Factor",
		"Header Host is set by", "Header Content-Type is set by", "Header Tether-Event is set by",
		`Header "X Y" is not a name`, "Header X-Break holds",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	if lines := strings.Count(err.Error(), "\n") + 1; lines != 12 {
		t.Errorf("%d errors:\n%v", lines, err)
	}
}

func TestURLsThatAreNotFit(t *testing.T) {
	for url, want := range map[string]string{
		"":                           "scheme",
		"ws://host":                  "scheme",
		"localhost:80":               "scheme",
		"http://":                    "no host",
		"http:///secret":             "no host",
		"https://user:secret@host/x": "user information",
		"http://host/%zz?secret":     "cannot be parsed",
	} {
		_, err := backend.New(backend.Config{URL: url})
		if !errors.Is(err, messages.ErrInvalid) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %s", url, err, want)
		}
	}
}

func TestGoodConfigs(t *testing.T) {
	for name, c := range map[string]backend.Config{
		"the least": {URL: "http://host"},
		"all":       {URL: "https://host:1/path?q", Concurrency: 1, Timeout: 1, Total: 1, Retries: -1, MaxAnswer: 1},
		"one pause": {URL: "http://[::1]/", Backoff: supervision.Backoff{Min: time.Hour}},
	} {
		h, err := backend.New(c)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := h.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

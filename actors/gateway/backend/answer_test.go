package backend_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors/gateway/backend"
	"github.com/tetherws/tether/messages"
)

func TestAnswersGoToTheClient(t *testing.T) {
	tests := map[string]struct {
		contentType, body string
		kind              int
	}{
		"text":                 {"text/plain; charset=utf-8", "hello", websocket.TextMessage},
		"JSON":                 {"application/json", "{}", websocket.TextMessage},
		"no type":              {"", "hello", websocket.TextMessage},
		"a type that is none":  {";;", "hello", websocket.TextMessage},
		"binary":               {"application/octet-stream", "\xff\x00", websocket.BinaryMessage},
		"binary, written else": {"Application/Octet-Stream; x=y", "\xff\x00", websocket.BinaryMessage},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			serve := toMessages(func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{test.contentType}
				_, _ = w.Write([]byte(test.body))
			})
			withHTTP(t, backend.Config{}, serve, func(t *testing.T, w *world, h *backend.HTTP) {
				c := w.connect()
				c.say("x")
				if kind, data, err := c.ReadMessage(); err != nil || kind != test.kind || string(data) != test.body {
					t.Errorf("the client got %q of kind %d, %v", data, kind, err)
				}
				if got := h.Counts(); got.Answers != 1 {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

func TestAnEmptyAnswerIsNoMessage(t *testing.T) {
	for _, status := range []int{200, 201, 202, 204} {
		serve := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
		withHTTP(t, backend.Config{}, serve, func(t *testing.T, w *world, h *backend.HTTP) {
			c := w.connect()
			c.say("x")
			c.quiet()
			if got := h.Counts(); got.Delivered != 2 || got.Answers != 0 {
				t.Errorf("%d: %+v", status, got)
			}
		})
	}
}

func TestTheAnswerToOpenedWelcomes(t *testing.T) {
	serve := to("opened", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("welcome")) })
	withHTTP(t, backend.Config{}, serve, func(_ *testing.T, w *world, _ *backend.HTTP) {
		w.connect().hears("welcome")
	})
}

func TestARefusedEventIsGivenUpAndTheConnectionGoesOn(t *testing.T) {
	for _, status := range []int{300, 302, 304, 307, 400, 401, 403, 404, 410, 413, 499} {
		serve := func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/elsewhere":
				_, _ = w.Write([]byte("redirects are followed"))
			case r.Header.Get("Tether-Event") == "message":
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
				if status != http.StatusNotModified {
					_, _ = w.Write([]byte("not for the client"))
				}
			}
		}
		withHTTP(t, backend.Config{}, serve, func(t *testing.T, w *world, h *backend.HTTP) {
			c := w.connect()
			c.say("private")
			c.quiet()
			if got := h.Counts(); got.Refused != 1 || got.Failed != 0 || got.Retries != 0 {
				t.Errorf("%d: %+v", status, got)
			}
			log := w.log.String()
			if !strings.Contains(log, "level=WARN msg=\"event was refused\" conn="+w.only().ID.String()+" event=message status=") {
				t.Errorf("logged %s", log)
			}
			if strings.Contains(log, "private") || strings.Contains(log, "not for the client") || strings.Contains(log, token) {
				t.Errorf("a secret was logged: %s", log)
			}
			if s := w.only().State; s != messages.Open {
				t.Errorf("%d: %v", status, s)
			}
		})
	}
}

func TestARefusedOpeningEndsTheConnection(t *testing.T) {
	for status, want := range map[int]struct {
		code   int
		reason string
	}{401: {4401, "unauthorized"}, 403: {4403, "forbidden"}} {
		serve := to("opened", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		withHTTP(t, backend.Config{}, serve, func(t *testing.T, w *world, _ *backend.HTTP) {
			w.connect().closedWith(want.code, want.reason)
			synctest.Wait()
			if n := len(w.service.got("closed")); n != 1 {
				t.Errorf("closed came %d times", n)
			}
		})
	}
}

func TestTheServiceMayClose(t *testing.T) {
	tests := []struct {
		header string
		code   int
		reason string
	}{
		{"4000", 4000, ""},
		{"4000 game over", 4000, "game over"},
		{"1000 ", 1000, ""},
		{"4999 ünïcode", 4999, "ünïcode"},
		{"4000 " + strings.Repeat("r", 123), 4000, strings.Repeat("r", 123)},
		// What cannot be sent closes all the same.
		{"4000 " + strings.Repeat("r", 124), 1011, ""},
		{"4000 \xff", 1011, ""},
		{"1006", 1011, ""},
		{"999", 1011, ""},
		{"5000", 1011, ""},
		{"now", 1011, ""},
		{"99999999999999999999", 1011, ""},
	}
	for _, status := range []int{200, 400, 500} {
		for _, test := range tests {
			serve := toMessages(func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Tether-Close"] = []string{test.header}
				w.WriteHeader(status)
				_, _ = w.Write([]byte("last words"))
			})
			withHTTP(t, backend.Config{}, serve, func(t *testing.T, w *world, _ *backend.HTTP) {
				c := w.connect()
				c.say("1", "2")
				if status == 200 {
					c.hears("last words")
				}
				c.closedWith(test.code, test.reason)
				synctest.Wait()
				if got := w.service.bodies("message"); len(got) != 1 {
					t.Errorf("%d %q: the service got %q", status, test.header, got)
				}
			})
		}
	}
}

func TestAnAnswerThatCannotBeSentFailsTheConnection(t *testing.T) {
	tests := map[string]struct {
		body string
		most int64
	}{
		"longer than MaxAnswer":  {strings.Repeat("x", 1001), 1000},
		"larger than the outbox": {strings.Repeat("x", 1<<20+1), 2 << 20},
		"not UTF-8":              {"\xff", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			serve := toMessages(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				_, _ = w.Write([]byte(test.body))
			})
			withHTTP(t, backend.Config{MaxAnswer: test.most}, serve, func(t *testing.T, w *world, h *backend.HTTP) {
				c := w.connect()
				c.say("x")
				c.closedWith(1011, "")
				if got := h.Counts(); got.Unsent != 1 || got.Delivered < 2 || got.Retries != 0 {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

func TestTheLongestAnswerIsSent(t *testing.T) {
	serve := toMessages(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1000)) })
	withHTTP(t, backend.Config{MaxAnswer: 1000}, serve, func(_ *testing.T, w *world, _ *backend.HTTP) {
		c := w.connect()
		c.say("x")
		c.hears(strings.Repeat("\x00", 1000))
	})
}

func TestAnswersWaitForRoom(t *testing.T) {
	const count, size = 100, 64 << 10 // several times the outbox
	serve := toMessages(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.Repeat("x", size)))
	})
	withHTTP(t, backend.Config{}, serve, func(t *testing.T, w *world, h *backend.HTTP) {
		c := w.connect()
		for range count {
			c.say("more")
		}
		time.Sleep(5 * time.Second) // less than the WriteTimeout
		if got := h.Counts(); got.Answers >= count {
			t.Fatalf("nothing had to wait: %+v", got)
		}
		for i := range count {
			if _, data, err := c.ReadMessage(); err != nil || len(data) != size {
				t.Fatalf("answer %d: %d bytes, %v", i, len(data), err)
			}
		}
	})
}

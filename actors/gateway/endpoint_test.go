package gateway_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

func TestASocketThatIsRefusedIsClosed(t *testing.T) {
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: gate\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: gate\r\n\r\n",
		"POST /ws HTTP/1.1\r\nHost: gate\r\n\r\n",
	} {
		admissionBubble(t, gateway.Config{}, func(t *testing.T, w *admissionWorld) {
			conn, err := w.net.DialContext(t.Context(), "tcp", "gate:80")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			start := time.Now()
			conn.SetDeadline(start.Add(time.Hour))
			_, _ = conn.Write([]byte(request))
			answer, err := io.ReadAll(conn)
			if err != nil || time.Since(start) > time.Second || !strings.HasPrefix(string(answer), "HTTP/1.1 4") {
				t.Errorf("%q: %q, %v after %v", request, answer, err, time.Since(start))
			}
		})
	}
}

func TestWhatIsNoHandshakeIsAnsweredAsWhatItIs(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*http.Request)
		status int
		reason string
		header map[string]string
	}{
		"another path":        {func(r *http.Request) { r.URL.Path = "/" }, 404, "path", nil},
		"a longer path":       {func(r *http.Request) { r.URL.Path = "/ws/" }, 404, "path", nil},
		"a path with dots":    {func(r *http.Request) { r.URL.Path = "/x/../ws" }, 404, "path", nil},
		"a doubled slash":     {func(r *http.Request) { r.URL.Path = "//ws" }, 404, "path", nil},
		"another method":      {func(r *http.Request) { r.Method = http.MethodPost }, 405, "method", map[string]string{"Allow": "GET"}},
		"no Upgrade":          {func(r *http.Request) { r.Header.Del("Upgrade") }, 426, "method", map[string]string{"Upgrade": "websocket"}},
		"no Connection":       {func(r *http.Request) { r.Header.Del("Connection") }, 426, "method", map[string]string{"Upgrade": "websocket"}},
		"another version":     {func(r *http.Request) { r.Header.Set("Sec-WebSocket-Version", "8") }, 426, "method", map[string]string{"Sec-WebSocket-Version": "13"}},
		"no version":          {func(r *http.Request) { r.Header.Del("Sec-WebSocket-Version") }, 426, "method", map[string]string{"Sec-WebSocket-Version": "13"}},
		"HTTP/1.0":            {func(r *http.Request) { r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.0", 1, 0 }, 426, "method", nil},
		"a foreign origin":    {func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, "origin", nil},
		"a good one, just so": {func(*http.Request) {}, 101, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := admissionGateway(t, &admissionFleet{}, gateway.Config{})
			r := admissionRequest("192.0.2.1:1000")
			test.change(r)
			rec := admissionAnswer(g, r)
			if rec.Code != test.status {
				t.Fatalf("status %d, want %d", rec.Code, test.status)
			}
			for k, v := range test.header {
				if rec.Header().Get(k) != v {
					t.Errorf("%s is %q, want %q", k, rec.Header().Get(k), v)
				}
			}
			if test.reason == "" {
				return
			}
			if rec.Header().Get("Connection") != "close" {
				t.Error("its socket is kept")
			}
			if n := g.Counts().Refused[test.reason]; n != 1 {
				t.Errorf("%d counted as %s, want 1", n, test.reason)
			}
			if body := rec.Body.String(); len(body) < 3 || len(body) > 80 || rec.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("body %q of type %q", body, rec.Header().Get("Content-Type"))
			}
		})
	}
}

func TestABadKeyIsAFailedHandshake(t *testing.T) {
	admissionBubble(t, gateway.Config{MaxConnections: 1}, func(t *testing.T, w *admissionWorld) {
		for range 3 { // its place is free again each time
			r := admissionRequest("10.0.0.1:1000")
			r.Header.Set("Sec-WebSocket-Key", "short")
			if rec := admissionAnswer(w.g, r); rec.Code != http.StatusBadRequest {
				t.Fatalf("status %d", rec.Code)
			}
		}
		if c := w.g.Counts(); c.Refused["handshake"] != 3 || c.Accepted != 0 {
			t.Errorf("counts %+v", c)
		}
		w.connect().Close()
	})
}

func TestThePathMayBeChosen(t *testing.T) {
	g := admissionGateway(t, &admissionFleet{}, gateway.Config{Path: "/live"})
	if rec := admissionAnswer(g, admissionRequest("192.0.2.1:1000")); rec.Code != http.StatusNotFound {
		t.Errorf("/ws answered with %d", rec.Code)
	}
	r := admissionRequest("192.0.2.1:1000")
	r.URL.Path = "/live"
	if rec := admissionAnswer(g, r); rec.Code != http.StatusSwitchingProtocols {
		t.Errorf("/live answered with %d", rec.Code)
	}
}

func TestWhatAuthorizeSaysIsAnswered(t *testing.T) {
	wraps := fmt.Errorf("secret detail: %w", &gateway.Refusal{Status: http.StatusTooManyRequests, RetryAfter: 1500 * time.Millisecond, Reason: "slow down"})
	for name, test := range map[string]struct {
		err    error
		status int
		reason string
		body   string
		header map[string]string
	}{
		"an error":                 {errors.New("secret detail"), 401, "unauthorized", "Unauthorized\n", map[string]string{"WWW-Authenticate": "Bearer"}},
		"forbidden":                {&gateway.Refusal{Status: 403, Reason: "not you"}, 403, "forbidden", "not you\n", map[string]string{"WWW-Authenticate": ""}},
		"a refusal without a text": {&gateway.Refusal{Status: 402}, 402, "forbidden", "Payment Required\n", nil},
		"a wrapped refusal":        {wraps, 429, "forbidden", "slow down\n", map[string]string{"Retry-After": "2"}},
		"a status that is none":    {&gateway.Refusal{Status: 200, Reason: "no"}, 401, "unauthorized", "no\n", map[string]string{"WWW-Authenticate": "Bearer"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := admissionGateway(t, &admissionFleet{}, gateway.Config{
				Authorize: func(*http.Request) (gateway.Grant, error) { return gateway.Grant{}, test.err },
			})
			rec := admissionAnswer(g, admissionRequest("192.0.2.1:1000"))
			if rec.Code != test.status || rec.Body.String() != test.body || g.Counts().Refused[test.reason] != 1 {
				t.Errorf("%d %q, %v", rec.Code, rec.Body, g.Counts().Refused)
			}
			for k, v := range test.header {
				if rec.Header().Get(k) != v {
					t.Errorf("%s is %q, want %q", k, rec.Header().Get(k), v)
				}
			}
		})
	}
}

func TestAGrantGoesToTheFleetWithTheConfigsAdditions(t *testing.T) {
	f, ends := &admissionFleet{}, 0
	beat := actors.Heartbeat{Idle: time.Hour}
	grant := gateway.Grant{}
	g := admissionGateway(t, f, gateway.Config{
		Authorize: func(*http.Request) (gateway.Grant, error) { return grant, nil },
		Heartbeat: actors.Heartbeat{Idle: time.Minute}, Compress: true, Resume: 7 * time.Second,
	})
	admit := func() actors.Client {
		t.Helper()
		if rec := admissionAnswer(g, admissionRequest("192.0.2.1:1000")); rec.Code != http.StatusSwitchingProtocols {
			t.Fatalf("status %d", rec.Code)
		}
		return f.last()
	}
	seed := messages.Text(`{"heart":1}`)

	c := admit()
	if c.Heartbeat.Idle != time.Minute || c.Resume != 7*time.Second || !c.Upgrader.EnableCompression {
		t.Errorf("of the Config: %+v", c)
	}
	if m, ok := c.Heartbeat.Reply(seed); !ok || string(m.Data) != string(seed.Data) {
		t.Error("the seed's heartbeat is not answered")
	}
	if r := admissionRequest("192.0.2.1:1000", "Origin", "https://evil.example"); !c.Upgrader.CheckOrigin(r) {
		t.Error("the origin is checked twice")
	}

	grant.Client = actors.Client{
		Owner: "ada", Labels: map[string]string{"k": "v"}, Heartbeat: &beat, Resume: -1,
		Upgrader: &websocket.Upgrader{Subprotocols: []string{"chat"}}, Gone: func() { ends++ },
	}
	c = admit()
	if c.Owner != "ada" || c.Labels["k"] != "v" || c.Heartbeat.Idle != time.Hour || c.Heartbeat.Reply == nil || c.Resume != 0 {
		t.Errorf("of the Grant: %+v", c)
	}
	if c.Upgrader.Subprotocols[0] != "chat" || !c.Upgrader.EnableCompression || c.Upgrader.CheckOrigin == nil || grant.Client.Upgrader.EnableCompression {
		t.Errorf("the Grant's Upgrader became %+v", c.Upgrader)
	}
	if beat.Reply != nil {
		t.Error("the Grant's Heartbeat was written to")
	}
	c.Gone()
	if ends != 1 {
		t.Errorf("the Grant's Gone was called %d times", ends)
	}
}

func TestTheSeedsHeartbeatIsAnsweredAndSilenceIsJudgedByPings(t *testing.T) {
	admissionBubble(t, gateway.Config{}, func(t *testing.T, w *admissionWorld) {
		ws := w.connect()
		defer ws.Close()
		if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"heart": 1}`)); err != nil {
			t.Fatal(err)
		}
		if _, data, err := ws.ReadMessage(); err != nil || string(data) != `{"heart":1}` {
			t.Fatalf("answered with %q, %v", data, err)
		}
		pings := 0
		answer := ws.PingHandler()
		ws.SetPingHandler(func(s string) error { pings++; return answer(s) })
		ws.SetReadDeadline(time.Now().Add(time.Hour))
		if _, data, err := ws.ReadMessage(); data != nil || websocket.IsUnexpectedCloseError(err) {
			t.Errorf("within an hour of silence: %q, %v", data, err)
		}
		if pings < 100 {
			t.Errorf("%d pings within an hour", pings)
		}
	})
	admissionBubble(t, gateway.Config{Heartbeat: actors.Heartbeat{Idle: time.Minute, Timeout: time.Second}}, func(t *testing.T, w *admissionWorld) {
		ws := w.connect()
		defer ws.Close()
		if err := ws.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ws.SetPingHandler(func(string) error { return nil })
		if end := admissionEnd(ws); end.after != time.Minute+time.Second {
			t.Errorf("silence was found after %v", end.after)
		}
	})
}

func TestTheSeedsHeartbeatCanBeLeftToTheHandler(t *testing.T) {
	f := &admissionFleet{}
	g := admissionGateway(t, f, gateway.Config{NoSeedHeartbeat: true, Resume: -1})
	admissionAnswer(g, admissionRequest("192.0.2.1:1000"))
	if c := f.last(); c.Heartbeat.Reply != nil || c.Resume != 0 {
		t.Errorf("client %+v", c)
	}
}

func TestCompressionIsAgreedToOnlyIfAsked(t *testing.T) {
	for _, compress := range []bool{true, false} {
		admissionBubble(t, gateway.Config{Compress: compress}, func(t *testing.T, w *admissionWorld) {
			ws, resp := w.knock()
			defer ws.Close()
			if got := resp.header.Get("Sec-WebSocket-Extensions") != ""; got != compress {
				t.Errorf("agreed: %v, want %v", got, compress)
			}
		})
	}
}

func TestNothingOfTheRequestIsRepeatedInTheAnswer(t *testing.T) {
	const mark = "Zz9markzZ"
	g := admissionGateway(t, &admissionFleet{}, gateway.Config{RequireOrigin: true})
	for _, change := range []func(*http.Request){
		func(r *http.Request) { r.URL.Path = "/" + mark },
		func(r *http.Request) { r.Method = mark },
		func(r *http.Request) { r.Header.Set("Sec-WebSocket-Version", mark) },
		func(r *http.Request) { r.Header.Set("Upgrade", mark) },
		func(r *http.Request) { r.Header.Set("Origin", "https://"+mark) },
		func(r *http.Request) { r.Header.Set("X-Forwarded-For", mark) },
		func(r *http.Request) { r.Host = mark },
	} {
		r := admissionRequest("192.0.2.1:1000", "X-Request-Id", mark, "Cookie", mark)
		change(r)
		rec := admissionAnswer(g, r)
		if rec.Code < 400 {
			t.Fatalf("status %d", rec.Code)
		}
		if answer := fmt.Sprint(rec.Header(), rec.Body); strings.Contains(answer, mark) {
			t.Errorf("the answer repeats it: %s", answer)
		}
	}
}

func TestAPanickingAuthorizeKeepsNoPlace(t *testing.T) {
	broken := true
	g := admissionGateway(t, &admissionFleet{}, gateway.Config{
		MaxConnections: 1,
		Authorize: func(*http.Request) (gateway.Grant, error) {
			if broken {
				panic("broken")
			}
			return gateway.Grant{}, nil
		},
	})
	func() {
		defer func() { _ = recover() }()
		g.ServeHTTP(httptest.NewRecorder(), admissionRequest("192.0.2.1:1000"))
	}()
	broken = false
	if rec := admissionAnswer(g, admissionRequest("192.0.2.1:1000")); rec.Code != http.StatusSwitchingProtocols {
		t.Errorf("status %d", rec.Code)
	}
}

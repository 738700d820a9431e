package drops_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

// ask sends a request to the control and returns what it answers.
func ask(p *drops.Proxy, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:9091"
	if body != "" {
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	w := httptest.NewRecorder()
	p.Control().ServeHTTP(w, r)
	return w
}

func wantJSON(t *testing.T, w *httptest.ResponseRecorder, want string) {
	t.Helper()
	if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || got != want || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %v %s; want %s", w.Code, w.Header(), got, want)
	}
}

func TestControlListsAndStrikes(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		wantJSON(t, ask(b.Proxy, "GET", "/v1/connections", ""), `{"connections":[]}`)
		for range 5 {
			b.dial(t)
		}
		time.Sleep(1500 * time.Millisecond)
		for _, test := range []struct {
			body   string
			struck int
		}{
			{`{"fault":"stall","for":"30s","share":0.4}`, 2},
			{`{"fault":"silence","share":1}`, 3},
			{`{"fault":"silence","share":1}`, 0},
			{`{"fault":"silence","all":true}`, 5},
		} {
			wantJSON(t, ask(b.Proxy, "POST", "/v1/faults", test.body), fmt.Sprintf(`{"struck":%d}`, test.struck))
		}
		wantJSON(t, ask(b.Proxy, "DELETE", "/v1/faults", ""), `{"healed":5}`)
		for _, body := range []string{
			`{"fault":"silence out","for":"1m","connection":2,"side":"server"}`,
			`{"fault":"silence","connection":3}`,
			`{"fault":"close 1000","connection":4}`,
			`{"fault":"reset","connection":5}`,
		} {
			wantJSON(t, ask(b.Proxy, "POST", "/v1/faults", body), `{"struck":1}`)
		}
		synctest.Wait()
		time.Sleep(500 * time.Millisecond)
		var list struct {
			Connections []map[string]any
		}
		if err := json.Unmarshal(ask(b.Proxy, "GET", "/v1/connections", "").Body.Bytes(), &list); err != nil {
			t.Fatal(err)
		}
		for i := range list.Connections {
			if list.Connections[i]["client"] == "" {
				t.Error("a client without address")
			}
			delete(list.Connections[i], "client")
		}
		want := "[map[age_seconds:2 id:1 state:open]" +
			" map[age_seconds:2 fault:silence out id:2 remaining_seconds:59.5 side:server state:open]" +
			" map[age_seconds:2 fault:silence id:3 remaining_seconds:899.5 side:both state:open]" +
			" map[age_seconds:2 id:4 state:closing]]"
		if got := fmt.Sprint(list.Connections); got != want {
			t.Errorf("%s; want %s", got, want)
		}
		var counts drops.ProxyCounts
		if err := json.Unmarshal(ask(b.Proxy, "GET", "/v1/counts", "").Body.Bytes(), &counts); err != nil {
			t.Fatal(err)
		}
		if counts.Accepted != 5 || counts.Live != 3 || counts.Closing != 1 || counts.Silenced != 2 || counts.Ends.Faults["reset"] != 1 {
			t.Errorf("counted %+v", counts)
		}
	})
}

func TestControlRefusesHandshakes(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		wantJSON(t, ask(b.Proxy, "POST", "/v1/faults", `{"fault":"refuse 429","for":"10s"}`), `{"struck":0}`)
		for range 2 {
			if _, status, err := b.ask(); err == nil || status != 429 {
				t.Errorf("refused with %v", err)
			}
		}
		wantJSON(t, ask(b.Proxy, "DELETE", "/v1/faults", ""), `{"healed":0}`)
		b.dial(t)
	})
}

func TestControlTellsWhatIsWrong(t *testing.T) {
	p := must(drops.NewProxy("ws://host"))
	defer p.Close()
	post := func(body string) [3]string { return [3]string{"POST", "/v1/faults", body} }
	tests := []struct {
		ask    [3]string
		status int
		field  string
	}{
		{[3]string{"GET", "/nothing", ""}, 404, ""},
		{[3]string{"GET", "/v1/faults", ""}, 405, ""},
		{[3]string{"PUT", "/v1/counts", ""}, 405, ""},
		{[3]string{"POST", "/v1/connections", "{}"}, 405, ""},
		{[3]string{"POST", "/", "{}"}, 405, ""},
		{[3]string{"POST", "/v1/faults", ""}, 415, ""},
		{post(`{"fault":"` + strings.Repeat("x", 64<<10) + `"}`), 413, ""},
		{post(`{"fault":"reset","all":true}` + strings.Repeat(" ", 64<<10)), 413, ""},
		{post(`{`), 400, ""},
		{post(`{"fault":"reset","all":true}{}`), 400, ""},
		{post(`{"fault":"reset","all":true}}`), 400, ""},
		{post(`{"fault":"reset","al":true}`), 400, "al"},
		{post(`{"fault":7}`), 400, "fault"},
		{post(`{"all":true}`), 400, "fault"},
		{post(`{"fault":"nonsense","all":true}`), 400, "fault"},
		{post(`{"fault":"reset","connection":-1}`), 400, "connection"},
		{post(`{"fault":"reset","connection":7}`), 404, "connection"},
		{post(`{"fault":"reset"}`), 400, "share"},
		{post(`{"fault":"reset","all":true,"connection":7}`), 400, "share"},
		{post(`{"fault":"reset","share":1.1}`), 400, "share"},
		{post(`{"fault":"reset","share":-0.1}`), 400, "share"},
		{post(`{"fault":"stall","for":"soon","all":true}`), 400, "for"},
		{post(`{"fault":"stall","for":"-1s","all":true}`), 400, "for"},
		{post(`{"fault":"reset","for":"1s","all":true}`), 400, "for"},
		{post(`{"fault":"stall","side":"left","all":true}`), 400, "side"},
		{post(`{"fault":"refuse 503","all":true}`), 400, "fault"},
		{post(`{"fault":"conn-refused","side":"client"}`), 400, "fault"},
	}
	for _, test := range tests {
		w := ask(p, test.ask[0], test.ask[1], test.ask[2])
		var got struct {
			Title, Detail, Field string
			Status               int
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Errorf("%.60q: %v", test.ask, err)
		}
		if w.Code != test.status || got.Status != test.status || got.Field != test.field || got.Detail == "" ||
			got.Title != http.StatusText(test.status) || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.60q: %d %+v; want %d of field %q", test.ask, w.Code, got, test.status, test.field)
		}
		if allow := w.Header().Get("Allow"); (w.Code == 405) != (allow != "") || test.ask[1] == "/v1/faults" && w.Code == 405 && allow != "DELETE, POST" {
			t.Errorf("%.60q: Allow %q", test.ask, allow)
		}
	}
}

func TestControlKeepsWebPagesOut(t *testing.T) {
	p := must(drops.NewProxy("ws://host"))
	defer p.Close()
	tests := []struct {
		header []string
		want   int
	}{
		{[]string{"Host", "localhost:9091"}, 200},
		{[]string{"Host", "LOCALHOST"}, 200},
		{[]string{"Host", "127.8.8.8:1"}, 200},
		{[]string{"Host", "[::1]:9091"}, 200},
		{[]string{"Host", "[::1]"}, 200},
		{[]string{"Host", "rebound.example:9091"}, 403},
		{[]string{"Host", "10.0.0.1"}, 403},
		{[]string{"Host", "localhost.example"}, 403},
		{[]string{"Origin", "http://127.0.0.1:9091"}, 403},
		{[]string{"Origin", "null"}, 403},
	}
	for _, test := range tests {
		if w := ask(p, "GET", "/v1/counts", "", test.header...); w.Code != test.want {
			t.Errorf("%v: %d, want %d", test.header, w.Code, test.want)
		}
	}
}

func TestControlTellsHowToUseIt(t *testing.T) {
	p := must(drops.NewProxy("ws://host"))
	defer p.Close()
	w := ask(p, "GET", "/", "")
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, "curl http://127.0.0.1:9091/v1/faults") || !strings.Contains(body, drops.Words()[0]) {
		t.Errorf("%d %s", w.Code, body)
	}
	if w := ask(p, "HEAD", "/v1/counts", ""); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
}

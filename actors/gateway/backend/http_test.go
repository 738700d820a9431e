package backend_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors/gateway/backend"
	"github.com/tetherws/tether/messages"
)

func TestTheServiceIsToldOfAllThatHappensInOrder(t *testing.T) {
	config := backend.Config{Header: http.Header{"authorization": {"Bearer x"}}}
	withHTTP(t, config, silent, func(t *testing.T, w *world, _ *backend.HTTP) {
		c := w.connect()
		id := w.only().ID.String()
		c.say("text", "")
		_ = c.WriteMessage(websocket.BinaryMessage, []byte{0, 255})
		_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4000, "bye"), time.Time{})
		synctest.Wait()
		want := []told{
			{event: "opened"},
			{event: "message", body: "text"},
			{event: "message", body: ""},
			{event: "message", body: "\x00\xff"},
			{event: "closed", body: `{"id":"` + id + `","code":4000,"reason":"bye","remote":true}`},
		}
		types := []string{
			"application/json", "text/plain; charset=utf-8", "text/plain; charset=utf-8",
			"application/octet-stream", "application/json",
		}
		got, ids := w.service.got(""), map[string]bool{}
		if len(got) != len(want) {
			t.Fatalf("%d events: %v", len(got), got)
		}
		for i, e := range got {
			ids[e.id] = true
			h := e.header
			if e.event != want[i].event || i > 0 && e.body != want[i].body || e.conn != id ||
				!strings.HasPrefix(e.id, id+".") || h.Get("Content-Type") != types[i] ||
				h.Get("Tether-Incarnation") != "1" || h.Get("Authorization") != "Bearer x" ||
				h.Get("Tether-Signature") != "" || h.Get("Tether-Timestamp") != "" {
				t.Errorf("event %d is %+v", i, e)
			}
		}
		if len(ids) != len(want) {
			t.Errorf("the event IDs are %v", ids)
		}
		hello := struct {
			ID, Peer, Subprotocol string
			Labels                map[string]string
		}{}
		if err := json.Unmarshal([]byte(got[0].body), &hello); err != nil || hello.ID != id ||
			hello.Peer != c.LocalAddr().String() || hello.Labels == nil || len(hello.Labels) != 0 {
			t.Errorf("opened with %s", got[0].body)
		}
	})
}

func TestADroppedConnectionIsOpenedAgainAndNotDropped(t *testing.T) {
	withHTTP(t, backend.Config{}, silent, func(t *testing.T, w *world, _ *backend.HTTP) {
		upstream, err := w.dial(map[string]string{"feed": "a"})
		if err != nil {
			t.Fatal(err)
		}
		w.wait(upstream, messages.Open)
		w.cut()
		w.wait(upstream, messages.Backoff)
		w.wait(upstream, messages.Open)
		_ = w.m.Close(t.Context(), upstream, 0, "")
		synctest.Wait()
		got := w.service.got("")
		if len(got) != 3 || got[0].event != "opened" || got[1].event != "opened" || got[2].event != "closed" ||
			got[0].header.Get("Tether-Incarnation") != "1" || got[1].header.Get("Tether-Incarnation") != "2" ||
			!strings.Contains(got[1].body, `"labels":{"feed":"a"}`) ||
			!strings.Contains(got[2].body, `"code":1000,"reason":"","remote":false`) {
			t.Errorf("the service was told %+v", got)
		}
	})
}

func TestWhatAClientSaidBeforeItLeftIsHandedOver(t *testing.T) {
	slow := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		_, _ = w.Write([]byte("too late"))
	}
	withHTTP(t, backend.Config{}, slow, func(t *testing.T, w *world, h *backend.HTTP) {
		c := w.connect()
		c.say("1", "2", "3")
		c.Close()
		time.Sleep(time.Minute)
		if got := w.service.bodies("message"); strings.Join(got, " ") != "1 2 3" {
			t.Errorf("the service got %q", got)
		}
		if n := len(w.service.got("closed")); n != 1 {
			t.Errorf("closed came %d times", n)
		}
		if got := h.Counts(); got.Unsent != 4 || got.Answers != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestCountsAddUp(t *testing.T) {
	n := 0
	serve := toMessages(func(w http.ResponseWriter, r *http.Request) {
		n++
		w.WriteHeader([]int{204, 503, 404, 429, 301, 200, 200, 500}[n-1])
		if n == 6 {
			_, _ = w.Write([]byte("answer"))
		}
	})
	withHTTP(t, backend.Config{}, serve, func(t *testing.T, w *world, h *backend.HTTP) {
		c := w.connect()
		c.say("204", "503 404", "429 301", "200 answer", "200", "500")
		time.Sleep(time.Minute)
		want := backend.Counts{
			Opened: 1, Messages: 6, Closed: 1, Delivered: 5, Refused: 2, Failed: 1, Retries: 2, Answers: 1,
		}
		if got := h.Counts(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

package gateway_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

func TestAMessageIsTextOrBinaryByItsContentType(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		p := w.connect(actors.Client{})
		for _, c := range []struct {
			contentType, body string
			kind              messages.Kind
		}{
			{"text/plain", "héllo", messages.KindText},
			{"text/html; charset=UTF-8", "<p>", messages.KindText},
			{"application/json", `{"a":1}`, messages.KindText},
			{"application/octet-stream", "bytes", messages.KindBinary},
			{"application/octet-stream", "\xff", messages.KindBinary},
			{"image/png", "bytes", messages.KindBinary},
			{"", "text", messages.KindText},
			{"", "\xff", messages.KindBinary},
			{"application/x-www-form-urlencoded", "what curl -d says", messages.KindText},
			{"text/plain", "", messages.KindText},
		} {
			var headers []string
			if c.contentType != "" {
				headers = append(headers, "Content-Type: "+c.contentType)
			}
			a := w.do("POST", "/v1/connections/"+p.id.String(), c.body, headers...).is(202)
			a.text(`{"id":"` + p.id.String() + `","admitted":true}`)
			if m := p.next(); m.Kind != c.kind || string(m.Data) != c.body {
				t.Errorf("%q of type %q came as %v %q", c.body, c.contentType, m.Kind, m.Data)
			}
		}
	})
}

func TestWhatIsNoMessageIsRefusedWithTheFieldAtFault(t *testing.T) {
	controlBubble(t, gateway.Config{MaxMessage: 100}, func(t *testing.T, w *controlWorld) {
		p := w.connect(actors.Client{})
		long := strings.Repeat("x", 257)
		for _, c := range []struct{ query, body, header, field string }{
			{"", "\xff", "Content-Type: text/plain", "body"},
			{"", "\xff", "Content-Type: application/json", "body"},
			{"", "a", "Content-Type: text/plain; charset=iso-8859-1", "Content-Type"},
			{"", "a", "Content-Type: ;", "Content-Type"},
			{"?ttl=0", "a", "", "ttl"},
			{"?ttl=-1s", "a", "", "ttl"},
			{"?ttl=soon", "a", "", "ttl"},
			{"?ttl=", "a", "", "ttl"},
			{"?ttl=1s", "a", "Tether-TTL: 2s", "ttl"},
			{"?ttl=1s&ttl=1s", "a", "", "ttl"},
			{"", "a", "Tether-TTL: 30", "ttl"},
			{"?key=", "a", "", "key"},
			{"?key=a%0Ab", "a", "", "key"},
			{"?key=%ff", "a", "", "key"},
			{"?key=" + long, "a", "", "key"},
			{"?key=a", "a", "Tether-Key: b", "key"},
			{"?guarantee=exactly-once", "a", "", "guarantee"},
			{"?guarantee=at-most-once", "a", "Tether-Guarantee: at-least-once", "guarantee"},
			{"?confirm=maybe", "a", "", "confirm"},
			{"?confirm=1&timeout=61s", "a", "", "timeout"},
			{"?confirm=1&timeout=0s", "a", "", "timeout"},
			{"?timeout=1s", "a", "", "timeout"},
			{"?confrim=1", "a", "", "confrim"},
			{"?a=%zz", "a", "", "query"},
			{"?a;b", "a", "", "query"},
		} {
			var headers []string
			if c.header != "" {
				headers = append(headers, c.header)
			}
			w.do("POST", "/v1/connections/"+p.id.String()+c.query, c.body, headers...).refuses(400, "invalid", c.field)
		}
		if info, _ := w.m.Info(p.id); info.Admitted != 0 {
			t.Errorf("%d messages were admitted", info.Admitted)
		}
	})
}

func TestAnIDThatIsNoUUIDIsRefused(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		for _, id := range []string{
			"1", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "6ba7b8109dad11d180b400c04fd430c8",
			"6ba7b810-9dad-11d1-80b4-00c04fd430c8%2F..", "%00", strings.Repeat("a", 4000), "%0d%0aX-Evil:%201",
		} {
			for _, r := range []struct{ method, path string }{
				{"GET", "/v1/connections/" + id}, {"POST", "/v1/connections/" + id}, {"DELETE", "/v1/connections/" + id},
				{"POST", "/v1/connections/" + id + "/retry"}, {"PUT", "/v1/groups/g/" + id}, {"DELETE", "/v1/groups/g/" + id},
			} {
				a := w.do(r.method, r.path, "").refuses(400, "invalid", "id")
				if a.header.Get("X-Evil") != "" {
					t.Error("a header was injected")
				}
			}
		}
	})
}

func TestOptionsStandInTheQueryOrInHeaders(t *testing.T) {
	of := actors.Config{Outbox: actors.Outbox{Messages: 10}}
	controlBubbleOf(t, gateway.Config{}, of, func(t *testing.T, w *controlWorld) {
		p := w.connectSilent(actors.Client{})
		events := w.feed.Subscribe(100, func(e messages.Event) bool { _, ok := e.(messages.EventOutcome); return ok })
		defer events.Close()
		path := "/v1/connections/" + p.id.String()
		w.do("POST", path+"?key=k&guarantee=at-least-once", "a").is(202)
		w.do("POST", path, "b", "Tether-Key: k", "Tether-Guarantee: at-least-once").is(202)
		w.do("POST", path+"?key=k&guarantee=at-least-once", "c", "Tether-Key: k", "Tether-Guarantee: at-least-once").is(202)
		info, err := w.m.Info(p.id)
		if err != nil || info.Admitted != 3 || info.Unconfirmed+info.Queued+int(info.Replaced) != 3 || info.Written != 0 {
			t.Errorf("%+v, %v", info, err)
		}
		go p.read()
		time.Sleep(time.Minute)
		for range 3 {
			e := (<-events.Events()).(messages.EventOutcome)
			if e.Key != "k" || e.Outcome != messages.OutcomeConfirmed && e.Outcome != messages.OutcomeReplaced {
				t.Errorf("%+v", e)
			}
		}
	})
}

// A connection that is down keeps what it is sent for as long as the message says.
func TestAMessageExpiresAfterItsTTL(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		id, err := w.m.Dial(t.Context(), actors.Target{URL: "ws://127.0.0.1:1/", Dialer: w.dialer()})
		if err != nil {
			t.Fatal(err)
		}
		w.do("POST", "/v1/connections/"+id.String()+"?ttl=30s", "a").is(202)
		w.do("POST", "/v1/connections/"+id.String(), "b", "Tether-TTL: 1m").is(202)
		for _, c := range []struct {
			after   time.Duration
			expired uint64
		}{{30*time.Second - 1, 0}, {1, 1}, {30*time.Second - 1, 1}, {1, 2}} {
			time.Sleep(c.after)
			synctest.Wait()
			if info, _ := w.m.Info(id); info.Expired != c.expired {
				t.Errorf("%d are expired, want %d", info.Expired, c.expired)
			}
		}
	})
}

func TestConfirmWaitsForThePeer(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		p := w.connect(actors.Client{})
		w.do("POST", "/v1/connections/"+p.id.String()+"?confirm=1", "a").is(200).
			text(`{"id":"` + p.id.String() + `","confirmed":true}`)
		if m := p.next(); string(m.Data) != "a" {
			t.Errorf("%q came", m.Data)
		}
		w.do("POST", "/v1/connections/"+p.id.String()+"?confirm=0", "a").is(202)
	})
}

// A peer that does not read answers no ping.
func TestAConfirmationThatDoesNotComeIsUnconfirmed(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		p := w.connectSilent(actors.Client{})
		start := time.Now()
		w.do("POST", "/v1/connections/"+p.id.String()+"?confirm=1&timeout=3s", "a").refuses(504, "unconfirmed", "")
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestAConfirmationIsWaitedForTenSeconds(t *testing.T) {
	of := actors.Config{Heartbeat: actors.Heartbeat{Timeout: time.Hour}}
	controlBubbleOf(t, gateway.Config{}, of, func(t *testing.T, w *controlWorld) {
		p := w.connectSilent(actors.Client{})
		start := time.Now()
		w.do("POST", "/v1/connections/"+p.id.String()+"?confirm=true", "a").refuses(504, "unconfirmed", "")
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// What was never written is withdrawn: it will not arrive.
func TestAConfirmationThatCouldNotBeAskedForIsNoUnconfirmed(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		id, err := w.m.Dial(t.Context(), actors.Target{URL: "ws://127.0.0.1:1/", Dialer: w.dialer()})
		if err != nil {
			t.Fatal(err)
		}
		w.do("POST", "/v1/connections/"+id.String()+"?confirm=1&timeout=2s", "a").refuses(504, "timeout", "")
		if info, _ := w.m.Info(id); info.Withdrawn != 1 || info.Queued != 0 {
			t.Errorf("%+v", info)
		}
		w.do("POST", "/v1/connections/"+id.String()+"?confirm=1&timeout=2s&ttl=1s", "a").refuses(504, "expired", "")
	})
}

func TestANewerMessageOfItsKeyEndsAConfirmation(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		id, err := w.m.Dial(t.Context(), actors.Target{URL: "ws://127.0.0.1:1/", Dialer: w.dialer()})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { _ = w.m.Send(id, messages.Message{Kind: messages.KindText, Key: "k"}) })
		w.do("POST", "/v1/connections/"+id.String()+"?confirm=1&key=k", "a").refuses(409, "replaced", "")
	})
}

func TestAFullOutboxIsTooManyRequests(t *testing.T) {
	of := actors.Config{Outbox: actors.Outbox{Messages: 2, Bytes: 50}}
	controlBubbleOf(t, gateway.Config{MaxMessage: 60}, of, func(t *testing.T, w *controlWorld) {
		id, err := w.m.Dial(t.Context(), actors.Target{URL: "ws://127.0.0.1:1/", Dialer: w.dialer()})
		if err != nil {
			t.Fatal(err)
		}
		path := "/v1/connections/" + id.String()
		w.do("POST", path, "a").is(202)
		w.do("POST", path, "b").is(202)
		if a := w.do("POST", path, "c").refuses(429, "queue_full", ""); a.header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
		}
		w.do("POST", path, strings.Repeat("x", 51)).refuses(413, "too_large", "")
		w.do("POST", path, strings.Repeat("x", 61)).refuses(413, "too_large", "")
	})
}

func TestNobodyIsUnknownAndTheClosedAreGone(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		p := w.connect(actors.Client{})
		if err := w.m.Close(t.Context(), p.id, 4001, "bye"); err != nil {
			t.Fatal(err)
		}
		requests := []struct{ method, path string }{
			{"GET", "/v1/connections/ID"}, {"POST", "/v1/connections/ID"}, {"POST", "/v1/connections/ID?confirm=1"},
			{"DELETE", "/v1/connections/ID"}, {"POST", "/v1/connections/ID/retry"},
			{"PUT", "/v1/groups/g/ID"}, {"DELETE", "/v1/groups/g/ID"},
		}
		for _, r := range requests {
			w.do(r.method, strings.Replace(r.path, "ID", messages.NewID().String(), 1), "").refuses(404, "unknown_connection", "")
			w.do(r.method, strings.Replace(r.path, "ID", p.id.String(), 1), "").refuses(410, "closed", "")
		}
		time.Sleep(time.Minute)
		w.do("GET", "/v1/connections/"+p.id.String(), "").refuses(404, "unknown_connection", "")
	})
}

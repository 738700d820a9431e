package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

// controlStream reads server-sent events.
type controlStream struct {
	w     *controlWorld
	lines *bufio.Scanner
	stop  context.CancelFunc
}

type controlEvent struct{ id, event, data string }

func (w *controlWorld) stream(query string) *controlStream {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	w.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", w.base+"/v1/events"+query, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.client.Do(req) //nolint:bodyclose // it ends with ctx
	if err != nil {
		w.t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		w.t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	s := &controlStream{w, bufio.NewScanner(resp.Body), cancel}
	if e := s.next(); e.event != "" {
		w.t.Fatalf("it begins with %+v", e)
	}
	return s
}

// next reads up to an empty line; a comment is an event without anything.
func (s *controlStream) next() (e controlEvent) {
	s.w.t.Helper()
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "":
			return e
		case "id":
			e.id = value
		case "event":
			e.event = value
		case "data":
			e.data = value
		case ":":
		default:
			s.w.t.Fatalf("a line %q", s.lines.Text())
		}
	}
	s.w.t.Fatalf("the stream ended: %v", s.lines.Err())
	return e
}

// told asserts that e is of the type and as the document says, and reads it.
func (s *controlStream) told(e controlEvent, kind, schema string, into any) {
	s.w.t.Helper()
	doc, _ := controlDocument()
	var v any
	if err := errors.Join(json.Unmarshal([]byte(e.data), &v), json.Unmarshal([]byte(e.data), into)); err != nil {
		s.w.t.Fatalf("%v in %+v", err, e)
	}
	if err := doc.Components.Schemas[schema].Value.VisitJSON(v); err != nil || e.event != kind {
		s.w.t.Errorf("%+v: %v", e, err)
	}
}

func TestEventsStreamTransitionsAndOutcomes(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		s := w.stream("")
		p := w.connect(actors.Client{})
		w.do("POST", "/v1/connections/"+p.id.String()+"?key=k", "x").is(202)
		synctest.Wait()
		w.do("DELETE", "/v1/connections/"+p.id.String()+"?code=4000", "").is(204)
		var got string
		for i := range 5 {
			e := s.next()
			if e.id != fmt.Sprint(i+1) {
				t.Errorf("event %d has the id %s", i+1, e.id)
			}
			var told struct {
				ID                          messages.ID
				From, To, Outcome, Key, Err string
			}
			schema := map[string]string{"transition": "EventTransition", "outcome": "EventOutcome"}[e.event]
			s.told(e, e.event, schema, &told)
			if told.ID != p.id {
				t.Errorf("%+v is about another", e)
			}
			got += e.event + " " + told.From + ">" + told.To + told.Outcome + told.Key + "\n"
		}
		if want := "transition none>connecting\ntransition connecting>open\noutcome >writtenk\ntransition open>closing\ntransition closing>closed\n"; got != want {
			t.Errorf("%s", got)
		}
	})
}

func TestEventsTellTheDelayAndTheCause(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		s := w.stream("?type=transition")
		if _, err := w.m.Dial(t.Context(), actors.Target{URL: "ws://127.0.0.1:1/", Dialer: w.dialer()}); err != nil {
			t.Fatal(err)
		}
		s.next()
		var told struct {
			To, Cause string
			Attempt   int
			Delay     float64 `json:"delay_seconds"`
		}
		s.told(s.next(), "transition", "EventTransition", &told)
		if told.To != "backoff" || told.Cause == "" || told.Attempt != 1 || told.Delay <= 0 || told.Delay > 0.5 {
			t.Errorf("%+v", told)
		}
	})
}

func TestEventsAreFilteredByConnectionAndType(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		a, b := w.connect(actors.Client{}), w.connect(actors.Client{})
		outcomes, ofB, both := w.stream("?type=outcome"), w.stream("?connection="+b.id.String()), w.stream("?type=outcome,transition&connection="+b.id.String())
		for _, p := range []*controlPeer{a, b} {
			w.do("POST", "/v1/connections/"+p.id.String(), "x").is(202)
			p.next()
			w.do("DELETE", "/v1/connections/"+p.id.String(), "").is(204)
		}
		check := func(s *controlStream, want ...string) {
			t.Helper()
			for _, want := range want {
				if e := s.next(); !strings.Contains(e.event+e.data, want) {
					t.Errorf("%+v, want %s", e, want)
				}
			}
			time.Sleep(15 * time.Second)
			if e := s.next(); e.event != "" {
				t.Errorf("%+v is too many", e)
			}
		}
		check(outcomes, a.id.String(), b.id.String())
		check(ofB, `outcome{"id":"`+b.id.String(), "closing", "closed")
		check(both, "outcome", "closing", "closed")
		for query, field := range map[string]string{
			"connection=1": "connection", "connection=": "connection", "type=drop": "type", "type=": "type", "since=1": "since",
		} {
			w.do("GET", "/v1/events?"+query, "").refuses(400, "invalid", field)
		}
	})
}

func TestASilentStreamShowsEvery15SecondsThatItLives(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		s := w.stream("")
		for range 3 {
			start := time.Now()
			if e := s.next(); e.event != "" || time.Since(start) != 15*time.Second {
				t.Errorf("%+v after %v", e, time.Since(start))
			}
		}
	})
}

// A client that does not read loses events and is told how many; the
// fleet waits for nobody.
func TestASlowStreamIsToldWhatItLost(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		p := w.connect(actors.Client{})
		s := w.stream("?type=outcome")
		const sent = 5000
		start := time.Now()
		for range sent {
			w.feed.Publish(messages.EventOutcome{ID: p.id, Outcome: messages.OutcomeWritten, Key: strings.Repeat("k", 200)})
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("the fleet waited for %v", took)
		}
		events, lost := 0, uint64(0)
		for events+int(lost) < sent {
			e := s.next()
			switch e.event {
			case "outcome":
				events++
			case "lost":
				var told struct{ Lost uint64 }
				s.told(e, "lost", "EventLost", &told)
				lost += told.Lost
			}
		}
		if events+int(lost) != sent || lost == 0 {
			t.Errorf("%d came and %d were lost of %d", events, lost, sent)
		}
		for range 2 { // which is told once
			w.feed.Publish(messages.EventOutcome{ID: p.id, Outcome: messages.OutcomeWritten})
			if e := s.next(); e.event != "outcome" {
				t.Errorf("%+v", e)
			}
		}
	})
}

// A client that takes nothing for 10 s is given up: it gets what was on its way.
func TestAStuckStreamIsEnded(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		for stuck, ended := range map[time.Duration]bool{10*time.Second - 1: false, 10*time.Second + 1: true} {
			c, err := w.net.DialContext(t.Context(), "tcp", controlAddress)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(c, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
			synctest.Wait()
			for range 1000 { // more than the buffers between hold
				w.feed.Publish(messages.EventOutcome{ID: messages.NewID(), Outcome: messages.OutcomeWritten, Key: strings.Repeat("k", 200)})
			}
			time.Sleep(stuck)
			synctest.Wait()
			c.SetReadDeadline(time.Now().Add(time.Second))
			got, err := io.ReadAll(c)
			if more := errors.Is(err, os.ErrDeadlineExceeded); more == ended || (len(got) > 200_000) == ended {
				t.Errorf("after %v: %d bytes, then %v", stuck, len(got), err)
			}
			c.Close()
		}
	})
}

func TestStreamsAreBounded(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		var all []*controlStream
		for range 64 {
			all = append(all, w.stream(""))
		}
		if a := w.do("GET", "/v1/events", "").refuses(429, "too_many_streams", ""); a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		all[0].stop()
		synctest.Wait()
		w.stream("")
		w.do("GET", "/v1/events", "").refuses(429, "too_many_streams", "")
		for _, s := range all {
			s.stop()
		}
	})
}

func TestTheHeadOfAStreamEnds(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		if a := w.do("HEAD", "/v1/events", "").is(200); a.header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%v", a.header)
		}
		for range 64 { // none is taken
			w.stream("")
		}
	})
}

func TestWithoutAFeedThereAreNoEvents(t *testing.T) {
	ask := controlOver(t, controlListing{}, gateway.Config{})
	ask(controlRequest("GET", "/v1/events", "")).refuses(501, "no_feed", "")
}

// However short the server's timeouts are.
func TestAStreamOutlivesTheServersTimeouts(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		l, err := w.net.Listen("127.0.0.1:1000")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		server := &http.Server{
			Handler: w.g.Control(), ReadTimeout: time.Second, WriteTimeout: time.Second,
			BaseContext: func(net.Listener) context.Context { return ctx },
		}
		served := make(chan struct{})
		go func() { defer close(served); server.Serve(l) }()
		w.base = "http://127.0.0.1:1000"
		s := w.stream("")
		for range 4 {
			s.next()
		}
		p := w.connectSilent(actors.Client{})
		w.do("POST", "/v1/connections/"+p.id.String()+"?confirm=1&timeout=5s", "x").refuses(504, "unconfirmed", "")
		cancel() // ends the streams
		if err := server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		<-served
	})
}

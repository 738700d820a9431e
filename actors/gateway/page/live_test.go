package page_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors/gateway/page"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// told is what the tests read of a frame.
type told struct {
	Heart    int
	Overview *struct {
		Error    string
		States   map[string]int
		Refused  map[string]uint64
		Outages  *quantiles
		RTT      *quantiles
		Accepted uint64
		Rates    struct {
			At                                 []int64
			Opened, Dropped, Received, Written []float64
			ReceivedBytes                      []float64 `json:"received_bytes"`
			WrittenBytes                       []float64 `json:"written_bytes"`
		}
	}
	Table *struct {
		Total, Matched int
		Rows           []struct {
			ID         messages.ID
			State, Why string
			Next       int64
			Labels     map[string]string
		}
	}
	Detail *struct {
		ID          messages.ID
		State       string
		Why         string
		Error, End  string
		Next        int64
		Attempt     int
		Queued      int
		QueuedBytes int `json:"queued_bytes"`
		History     []struct{ From, To, Cause string }
	}
}

type quantiles struct{ P50, P90, P99 float64 }

// liveWorld is a world with its page on the in-memory network, in virtual time.
type liveWorld struct {
	*pageWorld
	page *page.Page
}

// dial is that of the pageWorld, and waits until its events have been told.
func (w *liveWorld) dial(labels map[string]string) messages.ID {
	w.t.Helper()
	defer synctest.Wait()
	return w.pageWorld.dial(labels)
}

const pageAddress = "page:80"

func liveBubble(t *testing.T, f func(*testing.T, *liveWorld)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &liveWorld{pageWorld: newPageWorld(t)}
		w.page = page.New(w.fleet, someCounts, w.feed)
		l, err := w.net.Listen(pageAddress)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: w.page, ReadHeaderTimeout: time.Minute}
		go server.Serve(l)
		defer w.page.Close()
		defer server.Close()
		f(t, w)
	})
}

// viewer is a page as the server sees it.
type viewer struct {
	t  *testing.T
	ws *websocket.Conn
}

func (w *liveWorld) view(t *testing.T) *viewer {
	t.Helper()
	ws, refusal := w.try()
	if refusal != nil {
		t.Fatal(refusal.status)
	}
	t.Cleanup(func() { ws.Close() })
	ws.SetReadDeadline(time.Now().Add(time.Hour)) // who waits in vain fails
	return &viewer{t, ws}
}

// refusal is an answer that is no upgrade.
type refusal struct {
	status     int
	retryAfter string
}

func (w *liveWorld) try() (*websocket.Conn, *refusal) {
	d := websocket.Dialer{NetDialContext: w.net.DialContext, Subprotocols: []string{page.Subprotocol}}
	ws, resp, err := d.Dial("ws://"+pageAddress+"/live", nil)
	if err != nil {
		return nil, &refusal{resp.StatusCode, resp.Header.Get("Retry-After")}
	}
	return ws, nil
}

func (v *viewer) asks(q string) {
	v.t.Helper()
	if err := v.ws.WriteMessage(websocket.TextMessage, []byte(q)); err != nil {
		v.t.Fatal(err)
	}
}

// next returns the next frame that has what is wanted.
func (v *viewer) next(wanted func(told) bool) told {
	v.t.Helper()
	for {
		_, data, err := v.ws.ReadMessage()
		if err != nil {
			v.t.Fatal(err)
		}
		var f told
		if err := json.Unmarshal(data, &f); err != nil {
			v.t.Fatalf("%s: %v", data, err)
		}
		if wanted(f) {
			return f
		}
	}
}

func overview(f told) bool { return f.Overview != nil }
func found(f told) bool    { return f.Table != nil }
func selected(f told) bool { return f.Detail != nil }

func TestAnOverviewComesOnceASecond(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		w.dial(nil)
		v := w.view(t)
		first := v.next(overview)
		if n := first.Overview.States["open"]; n != 1 {
			t.Errorf("%d are open, want 1", n)
		}
		if n := first.Overview.Refused["address_rate"]; n != 11 || len(first.Overview.Refused) != 2 {
			t.Errorf("refused %v", first.Overview.Refused)
		}
		for range 3 {
			began := time.Now()
			v.next(overview)
			if passed := time.Since(began); passed != time.Second {
				t.Errorf("the next came after %v, want 1s", passed)
			}
		}
	})
}

func TestRatesAreOfTheLastTwoMinutes(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		v := w.view(t)
		v.next(overview)
		w.fleet.change(func(s *messages.Stats) {
			s.Opened, s.Dropped, s.Received = 10, 4, 30
			s.ReceivedBytes, s.WrittenBytes = 1e6, 2e6
			s.Outcomes[messages.OutcomeWritten], s.Outcomes[messages.OutcomeConfirmed] = 5, 6
			s.Outcomes[messages.OutcomeExpired] = 100
		})
		r := v.next(overview).Overview.Rates
		got := fmt.Sprint(r.Opened, r.Dropped, r.Received, r.Written, r.ReceivedBytes, r.WrittenBytes)
		if want := "[10] [4] [30] [11] [1e+06] [2e+06]"; got != want {
			t.Errorf("rates are %s, want %s", got, want)
		}
		for range 200 {
			r = v.next(overview).Overview.Rates
		}
		if n := len(r.At); n != 120 {
			t.Fatalf("%d rates, want 120", n)
		}
		if reach := time.Duration(r.At[119]-r.At[0]) * time.Millisecond; reach != 119*time.Second {
			t.Errorf("they reach over %v", reach)
		}
	})
}

func TestRatesGoOnWhereAnotherPageLeftThem(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		v := w.view(t)
		v.next(overview)
		v.next(overview)
		v.ws.Close()
		time.Sleep(20 * time.Second)
		w.fleet.change(func(s *messages.Stats) { s.Opened += 40 })
		r := w.view(t).next(overview).Overview.Rates
		if got := fmt.Sprint(r.Opened); got != "[0 2]" {
			t.Errorf("rates are %v, want [0 2]: none, and 40 in 20 s", got)
		}
	})
}

func TestAPageThatReturnsAtOnceIsToldAllTheSame(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		v := w.view(t)
		v.next(overview)
		v.ws.Close()
		synctest.Wait()
		began := time.Now()
		if r := w.view(t).next(overview).Overview.Rates; len(r.At) != 0 || time.Since(began) != 0 {
			t.Errorf("after %v: rates %v", time.Since(began), r)
		}
	})
}

func TestFallenCountsAreAnotherFleets(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		w.fleet.change(func(s *messages.Stats) { s.Opened = 100 })
		v := w.view(t)
		v.next(overview)
		w.fleet.change(func(s *messages.Stats) { s.Opened = 7 })
		if r := v.next(overview).Overview.Rates; len(r.At) != 0 {
			t.Errorf("rates over two fleets: %v", r)
		}
	})
}

func TestAFleetThatDoesNotAnswerIsToldOf(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		w.dial(nil)
		v := w.view(t)
		v.next(overview)
		w.fleet.mu.Lock()
		w.fleet.err = errors.New("node 3 is away")
		w.fleet.mu.Unlock()
		o := v.next(overview).Overview
		if o.Error != "node 3 is away" || o.States["open"] != 1 {
			t.Errorf("got %+v, want the error and the counts known last", o)
		}
	})
}

func TestAPageThatAsksIsAnsweredAtOnce(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		for range 20 {
			w.dial(map[string]string{"kind": "common"})
		}
		rare := w.dial(map[string]string{"kind": "Rare One"})
		v := w.view(t)
		v.next(found)
		time.Sleep(500 * time.Millisecond)
		began := time.Now()
		v.asks(`{"search":"rare"}`)
		f := v.next(found)
		if passed := time.Since(began); passed != 0 {
			t.Errorf("the answer took %v", passed)
		}
		if f.Table.Matched != 1 || f.Table.Total != 21 || f.Table.Rows[0].ID != rare {
			t.Errorf("found %+v, want %v", f.Table, rare)
		}
	})
}

func TestManyQuestionsAreAnsweredAfterARest(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		v := w.view(t)
		v.next(found)
		time.Sleep(500 * time.Millisecond)
		v.asks(`{}`)
		v.next(found)
		began := time.Now()
		for range 50 {
			v.asks(`{}`)
		}
		v.next(found)
		if passed := time.Since(began); passed != 100*time.Millisecond {
			t.Errorf("the next look came after %v, want 100ms", passed)
		}
	})
}

func TestAHundredRowsAreShownInOrder(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		var ids []messages.ID
		for range 450 {
			ids = append(ids, w.register(nil))
		}
		time.Sleep(time.Minute)
		slices.SortFunc(ids, messages.ID.Compare)
		v := w.view(t)
		for _, c := range []struct {
			ask  string
			want []messages.ID
		}{
			{`{"sort":"id"}`, ids[:100]},
			{`{"sort":"id","reverse":true}`, reversed(ids)[:100]},
		} {
			v.next(found)
			time.Sleep(500 * time.Millisecond)
			v.asks(c.ask)
			rows := v.next(found).Table.Rows
			var got []messages.ID
			for _, r := range rows {
				got = append(got, r.ID)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: got %v", c.ask, got)
			}
		}
	})
}

func reversed(ids []messages.ID) []messages.ID {
	r := slices.Clone(ids)
	slices.Reverse(r)
	return r
}

func TestWhatIsDownComesFirst(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		for range 300 {
			w.register(nil)
		}
		lost := w.dial(nil)
		w.gate.Refuse(-1, drops.Refuse{Status: 403})
		w.strike(lost, drops.Reset{})
		w.wait(lost, messages.Parked)
		row := w.view(t).next(found).Table.Rows[0]
		if row.ID != lost || row.State != "parked" || row.Next == 0 || row.Why != "handshake refused with status 403: websocket: bad handshake" {
			t.Errorf("the first row is %+v", row)
		}
	})
}

func TestTheSelectedConnectionIsTold(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		id := w.dial(nil)
		v := w.view(t)
		v.asks(fmt.Sprintf(`{"selected":%q}`, id))
		if d := v.next(selected).Detail; d.ID != id || d.State != "open" || d.Why != "" {
			t.Errorf("told %+v", d)
		}
		w.gate.Refuse(-1, drops.Refuse{})
		w.strike(id, drops.Reset{})
		time.Sleep(100 * time.Millisecond)
		if err := w.m.Send(id, messages.Text("waits")); err != nil {
			t.Fatal(err)
		}
		d := v.next(func(f told) bool { return selected(f) && f.Detail.State == "backoff" }).Detail
		if d.Queued != 1 || d.QueuedBytes != 5 || d.Next == 0 || d.Attempt == 0 || d.Why == "" || d.History[0].To != "backoff" {
			t.Errorf("told %+v", d)
		}
		if err := w.m.Close(t.Context(), id, 4001, "enough"); err != nil {
			t.Fatal(err)
		}
		d = v.next(func(f told) bool { return selected(f) && f.Detail.State == "closed" }).Detail
		if want := `connection closed by us with code 4001 ("enough"), 1 messages undelivered`; d.End != want {
			t.Errorf("ended with %q, want %q", d.End, want)
		}
		d = v.next(func(f told) bool { return selected(f) && f.Detail.Error != "" }).Detail
		if d.ID != id || d.Error != "unknown connection" {
			t.Errorf("forgotten as %+v", d)
		}
	})
}

func TestRoundTripsAreThoseOfTheOpenConnections(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		id := w.dial(nil)
		v := w.view(t)
		if q := v.next(overview).Overview.RTT; q != nil {
			t.Errorf("round trips before any: %v", q)
		}
		w.strike(id, drops.Slow{Latency: 20 * time.Millisecond})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := w.m.Deliver(ctx, id, messages.Text("a")); err != nil {
			t.Fatal(err)
		}
		q := v.next(func(f told) bool { return overview(f) && f.Overview.RTT != nil }).Overview.RTT
		if q.P50 < 0.02 || q.P50 > 0.05 || q.P99 != q.P50 {
			t.Errorf("round trips are %v, want about 20 ms one way", q)
		}
	})
}

func TestASilentServerSendsHearts(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		w.fleet.stall = 5 * time.Second
		v := w.view(t)
		began := time.Now()
		v.next(func(f told) bool { return f.Heart == 1 })
		if passed := time.Since(began); passed != 2*time.Second {
			t.Errorf("the heart came after %v, want 2s", passed)
		}
	})
}

func TestPagesBeyondThirtyTwoAreRefused(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		var first *viewer
		for range 32 {
			first = w.view(t)
		}
		if _, r := w.try(); r == nil || r.status != http.StatusServiceUnavailable || r.retryAfter != "5" {
			t.Fatalf("the 33rd was answered with %v", r)
		}
		first.ws.Close()
		synctest.Wait()
		w.view(t)
	})
}

func TestAPageThatReadsNothingIsDropped(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		w.net.Buffer = 2 << 10
		for range 100 {
			w.register(nil)
		}
		time.Sleep(time.Second)
		stuck, other := w.view(t), w.view(t)
		for range 10 {
			began := time.Now()
			other.next(overview)
			if passed := time.Since(began); passed > time.Second {
				t.Fatalf("the other page waited %v", passed)
			}
		}
		for range 10 {
			if _, _, err := stuck.ws.ReadMessage(); err != nil {
				return
			}
		}
		t.Error("it is still told what happens")
	})
}

func TestAPageThatAnswersNoPingIsDropped(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		v := w.view(t)
		v.ws.SetPingHandler(func(string) error { return nil })
		began := time.Now()
		for {
			if _, _, err := v.ws.ReadMessage(); err != nil {
				break
			}
		}
		if passed := time.Since(began); passed != 40*time.Second {
			t.Errorf("it was dropped after %v, want 40s", passed)
		}
	})
}

func TestBadQuestionsEndThePage(t *testing.T) {
	for _, q := range []string{
		`x`, `[]`, `{}{}`, `{"search":1}`, `{"unknown":1}`, `{"sort":"height"}`, `{"state":"closed"}`, `{"selected":"me"}`,
	} {
		liveBubble(t, func(t *testing.T, w *liveWorld) {
			v := w.view(t)
			v.asks(q)
			for {
				_, _, err := v.ws.ReadMessage()
				if err == nil {
					continue
				}
				if !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
					t.Errorf("%s ends with %v", q, err)
				}
				break
			}
		})
	}
}

func TestNothingRunsWhileNoPageIsOpen(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		v := w.view(t)
		v.next(overview)
		v.ws.Close()
		time.Sleep(time.Second)
		asked := w.fleet.asked.Load()
		time.Sleep(time.Hour)
		if n := w.fleet.asked.Load(); n != asked {
			t.Errorf("the fleet was asked %d times with no page open", n-asked)
		}
	})
}

func TestPagesShareWhatTheFleetIsAsked(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		var last *viewer
		for range 20 {
			last = w.view(t)
		}
		for range 3 {
			last.next(overview)
		}
		asked := w.fleet.asked.Load()
		for range 10 {
			last.next(overview)
		}
		if n := w.fleet.asked.Load() - asked; n != 10 {
			t.Errorf("the fleet was asked %d times in 10 s", n)
		}
	})
}

func TestCloseSendsThePagesAway(t *testing.T) {
	liveBubble(t, func(t *testing.T, w *liveWorld) {
		v := w.view(t)
		v.next(overview)
		w.page.Close()
		var err error
		for err == nil {
			_, _, err = v.ws.ReadMessage()
		}
		if !websocket.IsCloseError(err, websocket.CloseGoingAway) {
			t.Errorf("ended with %v, want 1001", err)
		}
		if _, r := w.try(); r == nil || r.status != http.StatusServiceUnavailable {
			t.Errorf("a page after Close was answered with %v", r)
		}
		w.page.Close()
	})
}

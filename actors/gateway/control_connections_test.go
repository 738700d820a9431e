package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

type controlInfo struct {
	ID          messages.ID
	State       string
	Dialed      bool
	Labels      map[string]string
	Groups      []string
	Since       time.Time
	NextAttempt *time.Time `json:"next_attempt"`
	Attempt     int
	Admitted    uint64
	Written     uint64
	Undelivered uint64
	History     []struct {
		At              time.Time
		From, To, Cause string
	}
	End *struct {
		Code        int
		Reason      string
		Remote      bool
		Undelivered int
		Cause       string
	}
}

func (c controlInfo) moves() (s string) {
	for _, h := range c.History {
		s += h.From + ">" + h.To + " "
	}
	return s
}

func TestInfoTellsOfAConnectionAndItsHistory(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		p := w.connect(actors.Client{Labels: map[string]string{"user": "ann"}})
		w.do("PUT", "/v1/groups/b/"+p.id.String(), "").is(204)
		w.do("PUT", "/v1/groups/a/"+p.id.String(), "").is(204)
		w.do("POST", "/v1/connections/"+p.id.String(), "x").is(202)
		p.next()
		var i controlInfo
		a := w.do("GET", "/v1/connections/"+p.id.String(), "").is(200)
		a.json(&i)
		if i.ID != p.id || i.State != "open" || i.Dialed || i.Labels["user"] != "ann" || !slices.Equal(i.Groups, []string{"a", "b"}) ||
			i.Admitted != 1 || i.Written != 1 || i.NextAttempt != nil || i.End != nil || i.moves() != "none>connecting connecting>open " {
			t.Errorf("%s", a.body)
		}
		if head := w.do("HEAD", "/v1/connections/"+p.id.String(), "").is(200); len(head.body) != 0 {
			t.Errorf("HEAD is answered with %q", head.body)
		}
		if head := w.do("HEAD", "/v1/connections/"+messages.NewID().String(), "").is(404); len(head.body) != 0 {
			t.Errorf("HEAD is answered with %q", head.body)
		}
	})
}

func TestInfoTellsWhyAConnectionIsDownAndWhenItGoesOn(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		id, err := w.m.Dial(t.Context(), actors.Target{URL: "ws://127.0.0.1:1/", Dialer: w.dialer()})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.m.Wait(t.Context(), id, messages.Backoff); err != nil {
			t.Fatal(err)
		}
		info, _ := w.m.Info(id)
		var i controlInfo
		w.do("GET", "/v1/connections/"+id.String(), "").is(200).json(&i)
		if i.State != "backoff" || !i.Dialed || i.Attempt != 1 || i.NextAttempt == nil || !i.NextAttempt.Equal(info.NextAttempt) ||
			!i.Since.Equal(info.Since) || i.History[1].Cause == "" {
			t.Errorf("%+v of %+v", i, info)
		}
	})
}

func TestAClosedConnectionTellsForAMinuteHowItEnded(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		p := w.connect(actors.Client{Labels: map[string]string{"user": "ann"}})
		if err := w.m.Close(t.Context(), p.id, 4001, "enough"); err != nil {
			t.Fatal(err)
		}
		var problem struct{ Info *controlInfo }
		w.do("GET", "/v1/connections/"+p.id.String(), "").refuses(410, "closed", "").json(&problem)
		i := problem.Info
		if i == nil || i.State != "closed" || i.End == nil || i.End.Code != 4001 || i.End.Reason != "enough" || i.End.Remote ||
			i.Labels["user"] != "ann" || i.moves() != "none>connecting connecting>open open>closing closing>closed " {
			t.Errorf("%+v", i)
		}
	})
}

// Though its cause is that of a message whose fate is not known.
func TestAConnectionThatClosedForWantOfAConfirmationIsGone(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		p := w.connect(actors.Client{})
		p.SetPingHandler(func(string) error { return nil })
		if err := w.m.Send(p.id, messages.Message{Kind: messages.KindText, Guarantee: messages.AtLeastOnce}); err != nil {
			t.Fatal(err)
		}
		_ = w.m.Wait(t.Context(), p.id, messages.Closed)
		w.do("GET", "/v1/connections/"+p.id.String(), "").refuses(410, "closed", "")
	})
}

type controlPage struct {
	Connections []controlInfo
	Next        string
}

// pages reads a list to its end, page by page.
func (w *controlWorld) pages(query url.Values) (ids []messages.ID, pages int) {
	w.t.Helper()
	for {
		var p controlPage
		w.do("GET", "/v1/connections?"+query.Encode(), "").is(200).json(&p)
		pages++
		for _, c := range p.Connections {
			if len(c.History) > 0 {
				w.t.Error("a list has histories")
			}
			ids = append(ids, c.ID)
		}
		if p.Next == "" {
			return ids, pages
		}
		query.Set("after", p.Next)
	}
}

func TestTheListComesInPagesByID(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		w.do("GET", "/v1/connections", "").is(200).text(`{"connections":[]}`)
		var all []messages.ID
		for range 23 {
			all = append(all, w.connect(actors.Client{}).id)
		}
		slices.SortFunc(all, messages.ID.Compare)
		for limit, want := range map[int]int{1: 23, 5: 5, 22: 2, 23: 1, 24: 1, 1000: 1} {
			got, pages := w.pages(url.Values{"limit": {fmt.Sprint(limit)}})
			if !slices.Equal(got, all) || pages != want {
				t.Errorf("limit %d: %d pages, want %d: %v", limit, pages, want, got)
			}
		}
	})
}

func TestAPageHasAHundredUnlessAskedOtherwise(t *testing.T) {
	var all []messages.Info
	for range 250 {
		all = append(all, messages.Info{ID: messages.NewID(), State: messages.Open})
	}
	ask := controlOver(t, controlListing{all: slices.Values(all)}, gateway.Config{})
	var p controlPage
	ask(controlRequest("GET", "/v1/connections", "")).is(200).json(&p)
	slices.SortFunc(all, func(a, b messages.Info) int { return a.ID.Compare(b.ID) })
	if len(p.Connections) != 100 || p.Connections[99].ID != all[99].ID || p.Next != all[99].ID.String() {
		t.Errorf("%d, next %s", len(p.Connections), p.Next)
	}
}

// controlListing is a fleet to be listed.
type controlListing struct {
	gateway.Fleet
	all iter.Seq[messages.Info]
}

func (f controlListing) Connections(context.Context) iter.Seq[messages.Info] { return f.all }

func TestTheListIsFilteredByStateLabelAndGroup(t *testing.T) {
	var all []messages.Info
	add := func(s messages.State, labels map[string]string, groups ...string) messages.ID {
		id := messages.ID{0: byte(len(all) + 1)}
		all = append(all, messages.Info{ID: id, State: s, Labels: labels, Groups: groups})
		return id
	}
	a := add(messages.Open, map[string]string{"k": "v", "x": "y=z"}, "g", "h/i")
	b := add(messages.Backoff, map[string]string{"k": "v"}, "h/i")
	c := add(messages.Parked, map[string]string{"k": "w", "": ""})
	d := add(messages.Open, nil)
	slices.Reverse(all)
	ask := controlOver(t, controlListing{all: slices.Values(all)}, gateway.Config{})
	for query, want := range map[string][]messages.ID{
		"":                                  {a, b, c, d},
		"state=open":                        {a, d},
		"state=open,backoff":                {a, b, d},
		"state=open&state=parked":           {a, c, d},
		"state=detached":                    nil,
		"label=k%3Dv":                       {a, b},
		"label=k=v":                         {a, b},
		"label=x=y=z":                       {a},
		"label=k=v&label=x=y=z":             {a},
		"label=k=":                          nil,
		"label==":                           {c},
		"group=g":                           {a},
		"group=h/i":                         {a, b},
		"group=nobody":                      nil,
		"group=h/i&state=backoff&label=k=v": {b},
		"after=" + b.String():               {c, d},
		"after=" + d.String():               nil,
		"limit=2&after=" + a.String():       {b, c},
	} {
		var p controlPage
		ask(controlRequest("GET", "/v1/connections?"+query, "")).is(200).json(&p)
		var got []messages.ID
		for _, i := range p.Connections {
			got = append(got, i.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	for query, field := range map[string]string{
		"state=closed": "state", "state=Open": "state", "state=": "state", "state=open,": "state",
		"label=k": "label", "label=": "label", "label=k=v&label=k=w": "label",
		"group=": "group", "group=..": "group", "group=%00": "group",
		"limit=0": "limit", "limit=1001": "limit", "limit=-1": "limit", "limit=x": "limit", "limit=1&limit=2": "limit",
		"after=1": "after", "after=": "after", "before=1": "before", "%ff=1": "\ufffd",
	} {
		ask(controlRequest("GET", "/v1/connections?"+query, "")).refuses(400, "invalid", field)
	}
}

// A page costs what it holds, however many there are.
func TestAListKeepsNoMoreThanAPage(t *testing.T) {
	const n = 100_000
	fleet := controlListing{all: func(yield func(messages.Info) bool) {
		for i := range n {
			id := messages.ID{byte(i * 7), byte(i >> 8), byte(i), byte(i >> 16)}
			if !yield(messages.Info{ID: id, State: messages.Open, Peer: "192.0.2.1:1"}) {
				return
			}
		}
	}}
	ask := controlOver(t, fleet, gateway.Config{})
	r := controlRequest("GET", "/v1/connections?limit=10", "")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ask(r).is(http.StatusOK)
	runtime.ReadMemStats(&after)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 1<<20 {
		t.Errorf("%d bytes for ten of %d", bytes, n)
	}
}

func TestRetryEndsAWait(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		id, err := w.m.Dial(t.Context(), actors.Target{
			URL: "ws://127.0.0.1:1/", Dialer: w.dialer(),
			Request: func(context.Context, messages.Attempt) (string, http.Header, error) {
				return "", nil, messages.Permanent(fmt.Errorf("no"))
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.m.Wait(t.Context(), id, messages.Parked); err != nil {
			t.Fatal(err)
		}
		before, _ := w.m.Info(id)
		time.Sleep(time.Second)
		w.do("POST", "/v1/connections/"+id.String()+"/retry", "").is(202).text(`{"id":"` + id.String() + `"}`)
		time.Sleep(time.Second)
		after, _ := w.m.Info(id)
		if after.Incarnation != before.Incarnation+1 {
			t.Errorf("%d attempts, then %d", before.Incarnation, after.Incarnation)
		}
	})
}

func (f controlListing) Stats(context.Context) (messages.Stats, error) {
	return messages.Stats{}, errControl
}

var errControl = errors.New("a detail that is nobody's business")

// controlCounting is a fleet with stats.
type controlCounting struct{ gateway.Fleet }

func (controlCounting) Stats(context.Context) (s messages.Stats, err error) {
	s.Connections[messages.Open] = 7
	s.Outcomes[messages.OutcomeConfirmed] = 3
	s.Opened = 9
	return s, nil
}

// controlTaking is a fleet that takes whatever it is given, if it is valid.
type controlTaking struct{ controlCounting }

func (controlTaking) Connections(context.Context) iter.Seq[messages.Info] {
	return slices.Values([]messages.Info(nil))
}

func (controlTaking) Send(_ context.Context, _ messages.ID, m messages.Message) error {
	return controlTaken(m)
}

func (controlTaking) Deliver(_ context.Context, _ messages.ID, m messages.Message) error {
	return controlTaken(m)
}

func (controlTaking) Broadcast(_ context.Context, _ string, m messages.Message) (int, int, error) {
	return 1, 0, controlTaken(m)
}

func (controlTaking) Close(_ context.Context, _ messages.ID, code int, reason string) error {
	if code < 1000 || code > 4999 || len(reason) > 123 || !utf8.ValidString(reason) {
		return errControl
	}
	return nil
}

func controlTaken(m messages.Message) error {
	if m.TTL < 0 || m.Guarantee > messages.AtLeastOnce || m.Kind != messages.KindText || len(m.Key) > 256 || !utf8.ValidString(m.Key) {
		return errControl
	}
	return nil
}

// controlSlow is a fleet that takes a minute.
type controlSlow struct{ gateway.Fleet }

func (controlSlow) Send(ctx context.Context, _ messages.ID, _ messages.Message) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Minute):
		return nil
	}
}

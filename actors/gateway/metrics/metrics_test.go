package metrics_test

import (
	"context"
	"errors"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/actors/gateway/metrics"
	"github.com/tetherws/tether/messages"
)

// sample is what a busy gateway would say.
func sample() metrics.Sources {
	s := messages.Stats{
		Closed: 1, Opened: 2, Dropped: 3, Admitted: 4, WrittenBytes: 5, Received: 6, ReceivedBytes: 7,
		RTT: messages.NewDurations(time.Millisecond, 2*time.Millisecond),
	}
	for state := messages.Connecting; state < messages.Closed; state++ {
		s.Connections[state] = 10 + int(state)
	}
	for outcome := range s.Outcomes {
		s.Outcomes[outcome] = uint64(20 + outcome)
	}
	for _, rtt := range []time.Duration{time.Millisecond, 1700 * time.Microsecond, 1800 * time.Microsecond, time.Second} {
		s.RTT.Observe(rtt)
	}
	counts := gateway.Counts{
		Accepted: 30, Refused: map[string]uint64{"origin": 31, "full": 32}, Control: map[string]uint64{"2xx": 33, "4xx": 34},
	}
	feed := &gateway.Feed{}
	feed.Subscribe(1, nil)
	start := time.Now()
	feed.Publish(messages.EventTransition{Transition: messages.Transition{At: start, From: messages.Open, To: messages.Backoff}})
	feed.Publish(messages.EventTransition{Transition: messages.Transition{At: start.Add(90 * time.Second), From: messages.Connecting, To: messages.Open}})
	return metrics.Sources{
		Stats:  func(context.Context) (messages.Stats, error) { return s, nil },
		Counts: func() gateway.Counts { return counts },
		Feed:   feed,
	}
}

// scrape returns the lines that h answers with, without comments.
func scrape(t *testing.T, h http.Handler) []string {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("%d: %s", rec.Code, rec.Body)
	}
	return slices.DeleteFunc(strings.Split(rec.Body.String(), "\n"), func(line string) bool { return strings.HasPrefix(line, "#") })
}

// has asserts that each of the lines is there.
func has(t *testing.T, lines []string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !slices.Contains(lines, line) {
			t.Errorf("no line is %s", line)
		}
	}
}

func TestAScrapeShowsWhatTheSourcesSay(t *testing.T) {
	has(t, scrape(t, metrics.New(sample())),
		`tether_connections{state="connecting"} 11`, `tether_connections{state="open"} 12`, `tether_connections{state="backoff"} 13`,
		`tether_connections{state="parked"} 14`, `tether_connections{state="detached"} 15`, `tether_connections{state="closing"} 16`,
		`tether_closed_total 1`, `tether_opened_total 2`, `tether_dropped_total 3`, `tether_messages_admitted_total 4`,
		`tether_written_bytes_total 5`, `tether_messages_received_total 6`, `tether_received_bytes_total 7`,
		`tether_message_outcomes_total{outcome="written"} 21`, `tether_message_outcomes_total{outcome="confirmed"} 22`,
		`tether_message_outcomes_total{outcome="expired"} 23`, `tether_message_outcomes_total{outcome="replaced"} 24`,
		`tether_message_outcomes_total{outcome="refused"} 25`, `tether_message_outcomes_total{outcome="withdrawn"} 26`,
		`tether_message_outcomes_total{outcome="undelivered"} 27`,
		`tether_round_trip_seconds_bucket{le="0.001"} 1`, `tether_round_trip_seconds_bucket{le="0.0015"} 1`,
		`tether_round_trip_seconds_bucket{le="0.002"} 3`, `tether_round_trip_seconds_bucket{le="+Inf"} 4`,
		`tether_round_trip_seconds_count 4`, `tether_round_trip_seconds_sum 1.0045`,
		`tether_handshakes_accepted_total 30`, `tether_handshakes_refused_total{reason="origin"} 31`,
		`tether_handshakes_refused_total{reason="full"} 32`, `tether_handshakes_refused_total{reason="draining"} 0`,
		`tether_control_requests_total{class="2xx"} 33`, `tether_control_requests_total{class="4xx"} 34`,
		`tether_control_requests_total{class="5xx"} 0`,
		`tether_outage_seconds_count 1`, `tether_outage_seconds_sum 90`, `tether_outage_seconds_bucket{le="65.536"} 0`,
		`tether_outage_seconds_bucket{le="98.304"} 1`, `tether_feed_lost_total 1`,
		`promhttp_metric_handler_errors_total{cause="gathering"} 0`,
	)
}

func TestASourceThatFailsIsCountedAndHidesNoOther(t *testing.T) {
	s := sample()
	s.Stats = func(ctx context.Context) (messages.Stats, error) {
		if until, ok := ctx.Deadline(); !ok || time.Until(until) > 5*time.Second {
			t.Error("it could wait for ever")
		}
		return messages.Stats{}, errors.New("no node answers")
	}
	h := metrics.New(s)
	_ = scrape(t, h)
	lines := scrape(t, h)
	has(t, lines, `tether_handshakes_accepted_total 30`, `promhttp_metric_handler_errors_total{cause="gathering"} 1`)
	for _, line := range lines {
		if strings.HasPrefix(line, "tether_connections") || strings.HasPrefix(line, "tether_opened") {
			t.Errorf("%s, though nobody knows", line)
		}
	}
}

func TestScrapesAtOnceAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		h := metrics.New(metrics.Sources{Stats: func(context.Context) (messages.Stats, error) {
			<-answer
			return messages.Stats{}, nil
		}})
		const most = 8
		codes := make(chan int, most)
		for range most {
			go func() { codes <- status(h) }()
		}
		synctest.Wait()
		if got := status(h); got != http.StatusServiceUnavailable {
			t.Errorf("one more was answered with %d", got)
		}
		close(answer)
		for range most {
			if got := <-codes; got != http.StatusOK {
				t.Errorf("one of %d was answered with %d", most, got)
			}
		}
		if got := status(h); got != http.StatusOK {
			t.Errorf("afterwards one was answered with %d", got)
		}
	})
}

func status(h http.Handler) int {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return rec.Code
}

func TestSourcesThatAreNotThereHaveNoMetrics(t *testing.T) {
	for _, line := range scrape(t, metrics.New(metrics.Sources{})) {
		if strings.HasPrefix(line, "tether_") && !strings.HasPrefix(line, "tether_build_info{") {
			t.Errorf("%s", line)
		}
	}
}

func TestAManagersConnectionsAreShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := &gateway.Feed{}
		m, err := actors.New(actors.Config{OnEvent: feed.Publish})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Dial(t.Context(), actors.Target{URL: "ws://nobody.invalid/", Request: parks}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h := metrics.New(metrics.Sources{Stats: gateway.Local(m).Stats, Feed: feed})
		has(t, scrape(t, h), `tether_connections{state="parked"} 1`, `tether_connections{state="open"} 0`, `tether_closed_total 0`)
		if err := m.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
		has(t, scrape(t, h), `tether_connections{state="parked"} 0`, `tether_closed_total 1`)
	})
}

func parks(context.Context, messages.Attempt) (string, http.Header, error) {
	return "", nil, messages.Permanent(errors.New("no token"))
}

// gathered returns all of Tether's metrics, by name, with their labels.
func gathered(t *testing.T) map[string][]string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.Collector(sample()))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string][]string)
	for _, f := range families {
		if strings.TrimSpace(f.GetHelp()) == "" {
			t.Errorf("%s has no help", f.GetName())
		}
		labels := []string{}
		for _, l := range f.Metric[0].Label {
			labels = append(labels, l.GetName())
		}
		names[f.GetName()] = labels
	}
	return names
}

func TestTheMetricsFollowPrometheusRules(t *testing.T) {
	problems, err := testutil.CollectAndLint(metrics.Collector(sample()))
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if err != nil {
		t.Error(err)
	}
	if names := gathered(t); len(names) != 16 {
		t.Errorf("%d metrics: %v", len(names), names)
	}
}

func TestLabelsHaveFewValues(t *testing.T) {
	s := sample()
	s.Counts = func() gateway.Counts {
		invented := map[string]uint64{"whatever a client sends": 1}
		return gateway.Counts{Refused: invented, Control: invented}
	}
	got := map[string]int{
		"tether_connections":              testutil.CollectAndCount(metrics.Collector(s), "tether_connections"),
		"tether_message_outcomes_total":   testutil.CollectAndCount(metrics.Collector(s), "tether_message_outcomes_total"),
		"tether_handshakes_refused_total": testutil.CollectAndCount(metrics.Collector(s), "tether_handshakes_refused_total"),
		"tether_control_requests_total":   testutil.CollectAndCount(metrics.Collector(s), "tether_control_requests_total"),
	}
	for name, want := range map[string]int{
		"tether_connections": 6, "tether_message_outcomes_total": 7,
		"tether_handshakes_refused_total": len(gateway.Reasons), "tether_control_requests_total": 5,
	} {
		if got[name] != want {
			t.Errorf("%s has %d series, want %d", name, got[name], want)
		}
	}
}

// documented matches a line of the table in the package's documentation.
var documented = regexp.MustCompile(`(?m)^\t(tether_\w+)(?:\{([\w,]+)\})?\s+(gauge|counter|histogram)\b`)

func TestTheDocumentationNamesEachMetricAndNoOther(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[string][]string)
	for _, m := range documented.FindAllStringSubmatch(file.Doc.Text(), -1) {
		told[m[1]] = slices.DeleteFunc(strings.Split(m[2], ","), func(s string) bool { return s == "" })
	}
	there := gathered(t)
	for name, labels := range there {
		inDoc, ok := told[name]
		if slices.Sort(inDoc); !ok || !slices.Equal(inDoc, labels) {
			t.Errorf("%s%v is documented as %v (%v)", name, labels, inDoc, ok)
		}
	}
	for name := range told {
		if there[name] == nil {
			t.Errorf("%s is documented and does not exist", name)
		}
	}
}

package backend_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors/gateway/backend"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

// times returns when events came, from the first.
func times(all []told) (since []time.Duration) {
	for _, e := range all {
		since = append(since, e.at.Sub(all[0].at))
	}
	return since
}

func TestAnEventIsRepeatedUnderItsIDUntilItIsTaken(t *testing.T) {
	breaks := func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	halves := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("half"))
		panic(http.ErrAbortHandler)
	}
	answers := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
	}
	troubles := map[string]http.HandlerFunc{
		"408": answers(408), "429": answers(429), "502": answers(502), "503": answers(503), "504": answers(504),
		"no answer": breaks, "half an answer": halves,
	}
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			n := 0
			serve := toMessages(func(w http.ResponseWriter, r *http.Request) {
				if n++; n <= 3 {
					trouble(w, r)
					return
				}
				_, _ = w.Write([]byte("taken"))
			})
			withHTTP(t, backend.Config{}, serve, func(t *testing.T, w *world, h *backend.HTTP) {
				c := w.connect()
				c.say("one", "two")
				c.hears("taken", "taken")
				got := w.service.got("message")
				if want := []string{"one", "one", "one", "one", "two"}; !slices.Equal(w.service.bodies("message"), want) {
					t.Fatalf("the service got %q", w.service.bodies("message"))
				}
				for _, e := range got[1:4] {
					if e.id != got[0].id {
						t.Errorf("repeated as %s, was %s", e.id, got[0].id)
					}
				}
				if got[4].id == got[0].id {
					t.Error("two events have one ID")
				}
				ms := time.Millisecond
				if want := []time.Duration{0, 100 * ms, 300 * ms, 700 * ms, 700 * ms}; !slices.Equal(times(got), want) {
					t.Errorf("it came after %v", times(got))
				}
				if counts := h.Counts(); counts.Retries != 3 || counts.Failed != 0 {
					t.Errorf("%+v", counts)
				}
			})
		})
	}
}

func TestRetryAfterIsHeededUpToABound(t *testing.T) {
	inTwoSeconds := func() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) }
	tests := map[string]struct {
		header func() string
		want   time.Duration
	}{
		"seconds":   {func() string { return "7" }, 7 * time.Second},
		"date":      {inTwoSeconds, 2 * time.Second},
		"past":      {func() string { return "Fri, 31 Dec 1999 23:59:59 GMT" }, 100 * time.Millisecond},
		"less":      {func() string { return "0" }, 100 * time.Millisecond},
		"far":       {func() string { return "3600" }, 30 * time.Second},
		"very far":  {func() string { return "4294967295" }, 30 * time.Second},
		"no number": {func() string { return "soon" }, 100 * time.Millisecond},
		"negative":  {func() string { return "-5" }, 100 * time.Millisecond},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := 0
			serve := toMessages(func(w http.ResponseWriter, _ *http.Request) {
				if n++; n == 1 {
					w.Header().Set("Retry-After", test.header())
					w.WriteHeader(429)
				}
			})
			withHTTP(t, backend.Config{}, serve, func(t *testing.T, w *world, _ *backend.HTTP) {
				w.connect().say("x")
				time.Sleep(time.Minute)
				if got := times(w.service.got("message")); !slices.Equal(got, []time.Duration{0, test.want}) {
					t.Errorf("it came after %v, want after %v", got, test.want)
				}
			})
		})
	}
}

func TestWhenAllRetriesFailAClientIsAskedToComeBackLater(t *testing.T) {
	serve := toMessages(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	for retries, want := range map[int]int{-1: 1, 3: 4, 0: 10} {
		withHTTP(t, backend.Config{Retries: retries}, serve, func(t *testing.T, w *world, h *backend.HTTP) {
			c := w.connect()
			c.say("one", "two")
			c.closedWith(1013, "try again later")
			synctest.Wait()
			if got := w.service.bodies("message"); len(got) != want || slices.Contains(got, "two") {
				t.Errorf("the service got %q, want one %d times", got, want)
			}
			if n := len(w.service.got("closed")); n != 1 {
				t.Errorf("closed came %d times", n)
			}
			if counts := h.Counts(); counts.Failed != 1 {
				t.Errorf("%+v", counts)
			}
		})
	}
}

func TestWhenAllRetriesFailADialedConnectionIsDialedAgain(t *testing.T) {
	serve := to("opened", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Tether-Incarnation") == "1" {
			w.WriteHeader(503)
		}
	})
	withHTTP(t, backend.Config{Retries: 1}, serve, func(t *testing.T, w *world, _ *backend.HTTP) {
		id, err := w.dial(nil)
		if err != nil {
			t.Fatal(err)
		}
		w.wait(id, messages.Backoff)
		info, _ := w.m.Info(id)
		var cause *backend.ServiceError
		if !errors.As(info.History[len(info.History)-1].Cause, &cause) || cause.Event != "opened" ||
			cause.Status != 503 || cause.Attempts != 2 || cause.Err != nil {
			t.Errorf("the cause is %v", info.History[len(info.History)-1].Cause)
		}
		w.wait(id, messages.Open)
	})
}

func TestAFaultOfTheServiceIsNotRepeatedAndFailsTheConnection(t *testing.T) {
	for _, status := range []int{500, 501, 505, 599} {
		serve := toMessages(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		withHTTP(t, backend.Config{}, serve, func(t *testing.T, w *world, h *backend.HTTP) {
			c := w.connect()
			c.say("one", "two")
			c.closedWith(1011, "")
			synctest.Wait()
			if got := w.service.bodies("message"); !slices.Equal(got, []string{"one"}) {
				t.Errorf("%d: the service got %q", status, got)
			}
			if counts := h.Counts(); counts.Failed != 1 || counts.Retries != 0 {
				t.Errorf("%d: %+v", status, counts)
			}
		})
	}
}

func TestAnEventHasBoundedTime(t *testing.T) {
	withHTTP(t, backend.Config{}, toMessages(stalls), func(t *testing.T, w *world, _ *backend.HTTP) {
		c := w.connect()
		c.say("one")
		c.closedWith(1013, "try again later")
		if got := w.elapsed(); got != 45*time.Second {
			t.Errorf("it took %v", got)
		}
		ms := time.Millisecond
		want := []time.Duration{0, 10100 * ms, 20300 * ms, 30700 * ms, 41500 * ms}
		if got := times(w.service.got("message")); !slices.Equal(got, want) {
			t.Errorf("attempts came after %v", got)
		}
	})
}

func TestNoRetryIsWaitedForThatWouldComeTooLate(t *testing.T) {
	serve := toMessages(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "6")
		w.WriteHeader(503)
	})
	withHTTP(t, backend.Config{Total: 10 * time.Second}, serve, func(t *testing.T, w *world, _ *backend.HTTP) {
		c := w.connect()
		c.say("one")
		c.closedWith(1013, "try again later")
		if got := w.elapsed(); got != 6*time.Second {
			t.Errorf("it took %v", got)
		}
	})
}

func TestALostClosedEventIsCountedAndLogged(t *testing.T) {
	serve := to("closed", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	withHTTP(t, backend.Config{Retries: -1}, serve, func(t *testing.T, w *world, h *backend.HTTP) {
		id := func() string { c := w.connect(); defer c.Close(); return w.only().ID.String() }()
		synctest.Wait()
		if counts := h.Counts(); counts.Failed != 1 {
			t.Errorf("%+v", counts)
		}
		want := fmt.Sprintf("level=WARN msg=\"event is lost\" conn=%s event=closed cause=", id)
		if log := w.log.String(); !strings.Contains(log, want) {
			t.Errorf("logged %s", log)
		}
	})
}

func TestJitterIsWithinTheBackoff(t *testing.T) {
	n := 0
	serve := toMessages(func(w http.ResponseWriter, _ *http.Request) {
		if n++; n%2 == 1 {
			w.WriteHeader(503)
		}
	})
	config := backend.Config{Backoff: supervision.Backoff{Min: time.Second}}
	withHTTP(t, config, serve, func(t *testing.T, w *world, _ *backend.HTTP) {
		c := w.connect()
		for range 50 {
			c.say("x")
		}
		time.Sleep(time.Minute)
		at := times(w.service.got("message"))
		if len(at) != 100 {
			t.Fatalf("%d requests", len(at))
		}
		delays := map[time.Duration]bool{}
		for i := 1; i < len(at); i += 2 {
			d := at[i] - at[i-1]
			delays[d] = true
			if d < 0 || d > time.Second {
				t.Errorf("repeated after %v", d)
			}
		}
		if len(delays) < 40 {
			t.Errorf("the delays are %v", delays)
		}
	})
}

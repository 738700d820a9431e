package gateway_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// crowd is n clients that read until they are told to go.
func (w *admissionWorld) crowd(n int) (ends func() []told) {
	all := make([]told, n)
	var reading sync.WaitGroup
	for i := range all {
		ws := w.connect()
		reading.Go(func() { all[i] = admissionEnd(ws) })
	}
	synctest.Wait()
	return func() []told { reading.Wait(); return all }
}

func (w *admissionWorld) drain(limit time.Duration, code int, spread time.Duration) (told, left int, took time.Duration) {
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	start := time.Now()
	told, left = w.g.Drain(ctx, code, spread)
	return told, left, time.Since(start)
}

func TestADrainTellsEveryClientSpreadEvenlyInRandomOrder(t *testing.T) {
	const n = 500
	admissionBubble(t, gateway.Config{}, func(t *testing.T, w *admissionWorld) {
		ends := w.crowd(n)
		told, left, took := w.drain(time.Minute, 1001, 5*time.Second)
		if step := 5 * time.Second / n; told != n || left != 0 || took != step*(n-1) {
			t.Errorf("told %d, left %d in %v", told, left, took)
		}
		all := ends()
		var after []time.Duration
		for _, end := range all {
			if end.code != 1001 || end.reason != "going down" {
				t.Fatalf("one was told %+v", end)
			}
			after = append(after, end.after)
		}
		if slices.IsSorted(after) {
			t.Error("told in the order in which they came")
		}
		slices.Sort(after)
		for i, at := range after {
			if want := time.Duration(i) * 5 * time.Second / n; at != want {
				t.Fatalf("the %dth was told after %v, want %v", i, at, want)
			}
		}
	})
}

func TestADrainingGatewayIsNotReadyAndRefuses(t *testing.T) {
	admissionBubble(t, gateway.Config{}, func(t *testing.T, w *admissionWorld) {
		ends := w.crowd(2)
		if !w.g.Ready() {
			t.Error("not ready before")
		}
		var draining sync.WaitGroup
		draining.Go(func() { w.drain(time.Minute, 0, 10*time.Second) })
		synctest.Wait()
		if w.g.Ready() {
			t.Error("ready")
		}
		admissionRetryAfter(t, w.refused(http.StatusServiceUnavailable, "draining"), 5, 10)
		draining.Wait()
		admissionRetryAfter(t, w.refused(http.StatusServiceUnavailable, "draining"), 5, 10)
		for _, end := range ends() {
			if end.code != websocket.CloseServiceRestart {
				t.Errorf("told %+v", end)
			}
		}
	})
}

func TestAStuckClientDelaysNoOtherAndIsCutAtTheDeadline(t *testing.T) {
	admissionBubble(t, gateway.Config{Heartbeat: admissionQuiet}, func(t *testing.T, w *admissionWorld) {
		for range 3 {
			defer w.connect().Close() // answers nothing
		}
		synctest.Wait()
		ends := w.crowd(7)
		told, left, took := w.drain(20*time.Second, 1012, 10*time.Second)
		if told != 7 || left != 3 || took != 20*time.Second {
			t.Errorf("told %d, left %d in %v", told, left, took)
		}
		for _, end := range ends() {
			if end.code != 1012 || end.after >= 10*time.Second {
				t.Errorf("one was told %+v", end)
			}
		}
		for info := range w.m.Connections() {
			t.Errorf("%v is left", info.State)
		}
	})
}

func TestADrainFitsIntoItsTime(t *testing.T) {
	admissionBubble(t, gateway.Config{}, func(t *testing.T, w *admissionWorld) {
		ends := w.crowd(10)
		if told, left, took := w.drain(10*time.Second, 1012, time.Hour); told != 10 || left != 0 || took != 4500*time.Millisecond {
			t.Errorf("told %d, left %d in %v", told, left, took)
		}
		ends()
	})
}

func TestADrainWithoutTimeReportsAllAsLeft(t *testing.T) {
	admissionBubble(t, gateway.Config{}, func(t *testing.T, w *admissionWorld) {
		for range 5 {
			defer w.connect().Close()
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if told, left := w.g.Drain(ctx, 1012, time.Minute); told != 0 || left != 5 {
			t.Errorf("told %d, left %d", told, left)
		}
		if w.g.Ready() {
			t.Error("ready")
		}
	})
}

func TestADrainEndedHalfwayReportsWhoWasNotTold(t *testing.T) {
	admissionBubble(t, gateway.Config{}, func(t *testing.T, w *admissionWorld) {
		w.crowd(10)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(4500*time.Millisecond, cancel)
		if told, left := w.g.Drain(ctx, 1012, 10*time.Second); told != 5 || left != 5 {
			t.Errorf("told %d, left %d", told, left)
		}
	})
}

func TestAClientThatLeavesBeforeItIsToldCountsAsNeither(t *testing.T) {
	admissionBubble(t, gateway.Config{}, func(t *testing.T, w *admissionWorld) {
		ends := w.crowd(10)
		time.AfterFunc(4500*time.Millisecond, func() {
			for _, c := range w.net.Conns() {
				_ = drops.Reset{}.Inject(c)
			}
		})
		if told, left, took := w.drain(time.Minute, 1012, 10*time.Second); told != 5 || left != 0 || took != 9*time.Second {
			t.Errorf("told %d, left %d in %v", told, left, took)
		}
		ends()
	})
}

func TestAHandshakeUnderWayIsWaitedForAndTold(t *testing.T) {
	var asked, answer chan bool // of the bubble
	admissionBubble(t, gateway.Config{Authorize: func(*http.Request) (gateway.Grant, error) {
		asked <- true
		<-answer
		return gateway.Grant{}, nil
	}}, func(t *testing.T, w *admissionWorld) {
		asked, answer = make(chan bool), make(chan bool)
		var client sync.WaitGroup
		client.Go(func() {
			if end := admissionEnd(w.connect()); end.code != 1012 || end.after != 0 {
				t.Errorf("told %+v", end)
			}
		})
		<-asked
		time.AfterFunc(3*time.Second, func() { answer <- true })
		if told, left, took := w.drain(time.Minute, 1012, 0); told != 1 || left != 0 || took != 3*time.Second {
			t.Errorf("told %d, left %d in %v", told, left, took)
		}
		client.Wait()
	})
}

func TestAHandshakeThatOutlastsTheDrainIsLeft(t *testing.T) {
	var asked, answer chan bool // of the bubble
	admissionBubble(t, gateway.Config{Authorize: func(*http.Request) (gateway.Grant, error) {
		asked <- true
		<-answer
		return gateway.Grant{}, nil
	}}, func(t *testing.T, w *admissionWorld) {
		asked, answer = make(chan bool), make(chan bool)
		var client sync.WaitGroup
		client.Go(func() { w.connect().Close() })
		<-asked
		if told, left, took := w.drain(time.Second, 1012, 0); told != 0 || left != 1 || took != time.Second {
			t.Errorf("told %d, left %d in %v", told, left, took)
		}
		answer <- true
		client.Wait()
	})
}

func TestADrainLeavesWhatIsNotTheGateways(t *testing.T) {
	admissionBubble(t, gateway.Config{}, func(t *testing.T, w *admissionWorld) {
		l, err := w.net.Listen("other:80")
		if err != nil {
			t.Fatal(err)
		}
		other := &http.Server{Handler: w.m, ReadHeaderTimeout: time.Minute} // the embedder's own
		go other.Serve(l)
		defer other.Close()
		id, err := w.m.Dial(t.Context(), actors.Target{URL: "ws://other/", Dialer: &websocket.Dialer{NetDialContext: w.net.DialContext}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.m.Wait(t.Context(), id, messages.Open); err != nil {
			t.Fatal(err)
		}
		ends := w.crowd(1)
		if told, left, _ := w.drain(time.Minute, 1012, 0); told != 1 || left != 0 {
			t.Errorf("told %d, left %d", told, left)
		}
		ends()
		n := 0
		for info := range w.m.Connections() {
			if n++; info.State != messages.Open {
				t.Errorf("one is %v", info.State)
			}
		}
		if n != 2 {
			t.Errorf("%d connections, want the dialed one and its peer", n)
		}
	})
}

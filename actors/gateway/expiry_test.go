package gateway_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

// admissionExpiring grants everybody the time.
func admissionExpiring(lifetime time.Duration) gateway.Config {
	return gateway.Config{MaxConnections: 1, Heartbeat: admissionQuiet, Authorize: func(*http.Request) (gateway.Grant, error) {
		return gateway.Grant{Expires: time.Now().Add(lifetime)}, nil
	}}
}

func TestAConnectionEndsWhenItsGrantExpires(t *testing.T) {
	for _, lifetime := range []time.Duration{90 * time.Minute, time.Millisecond, 0, -time.Hour} {
		admissionBubble(t, admissionExpiring(lifetime), func(t *testing.T, w *admissionWorld) {
			want := told{4401, "token expired", max(lifetime, 0)}
			if end := admissionEnd(w.connect()); end != want {
				t.Errorf("told %+v, want %+v", end, want)
			}
			synctest.Wait()
			w.connect().Close() // its place is free again
		})
	}
}

func TestAGrantWithoutAnEndNeverExpires(t *testing.T) {
	admissionBubble(t, gateway.Config{Heartbeat: admissionQuiet}, func(t *testing.T, w *admissionWorld) {
		ws := w.connect()
		defer ws.Close()
		ws.SetReadDeadline(time.Now().Add(1000 * time.Hour))
		if end := admissionEnd(ws); end.code != websocket.CloseAbnormalClosure || end.after != 1000*time.Hour {
			t.Errorf("told %+v", end)
		}
	})
}

func TestAnExpiredClientThatDoesNotAnswerIsCut(t *testing.T) {
	admissionBubble(t, admissionExpiring(time.Minute), func(t *testing.T, w *admissionWorld) {
		ws := w.connect()
		defer ws.Close()
		id := w.only()
		time.Sleep(time.Minute + 2*time.Second - time.Nanosecond)
		if info, _ := w.m.Info(id); info.State != messages.Closing {
			t.Errorf("just before: %v", info.State)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if info, _ := w.m.Info(id); info.State != messages.Closed {
			t.Errorf("then: %v", info.State)
		}
	})
}

func (w *admissionWorld) only() (id messages.ID) {
	w.t.Helper()
	n := 0
	for info := range w.m.Connections() {
		id, n = info.ID, n+1
	}
	if n != 1 {
		w.t.Fatalf("%d connections, want 1", n)
	}
	return id
}

func TestASocketThatEndedDoesNotExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &admissionFleet{}
		g := admissionGateway(t, f, admissionExpiring(time.Minute))
		admissionAnswer(g, admissionRequest("192.0.2.1:1000"))
		f.last().Gone() // as when another socket takes over: the connection is there
		time.Sleep(time.Second)
		admissionAnswer(g, admissionRequest("192.0.2.1:1000"))
		time.Sleep(time.Minute - time.Nanosecond)
		synctest.Wait()
		if ids := f.closes(); len(ids) != 0 {
			t.Errorf("closed %v", ids)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if ids := f.closes(); len(ids) != 1 || ids[0] != f.ids[1] {
			t.Errorf("closed %v of %v", ids, f.ids)
		}
	})
}

func TestASocketThatEndedBeforeAcceptReturnedDoesNotExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &admissionFleet{accept: func(c actors.Client) error { c.Gone(); return nil }}
		admissionAnswer(admissionGateway(t, f, admissionExpiring(time.Minute)), admissionRequest("192.0.2.1:1000"))
		time.Sleep(time.Hour)
		if ids := f.closes(); len(ids) != 0 {
			t.Errorf("closed %v", ids)
		}
	})
}

func TestNothingExpiresAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &admissionFleet{}
		g := admissionGateway(t, f, admissionExpiring(time.Minute))
		admissionAnswer(g, admissionRequest("192.0.2.1:1000"))
		g.Close()
		g.Close()
		time.Sleep(time.Hour)
		if ids := f.closes(); len(ids) != 0 {
			t.Errorf("closed %v", ids)
		}
		if code := admissionAnswer(g, admissionRequest("192.0.2.1:1000")).Code; code != http.StatusServiceUnavailable || g.Ready() {
			t.Errorf("answered with %d, ready %v", code, g.Ready())
		}
	})
}

func TestCloseCutsAnExpiryThatIsUnderWayAndWaitsForIt(t *testing.T) {
	admissionBubble(t, admissionExpiring(10*time.Second), func(t *testing.T, w *admissionWorld) {
		ws := w.connect()
		defer ws.Close()
		id := w.only()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		start := time.Now()
		w.g.Close()
		if info, _ := w.m.Info(id); info.State != messages.Closed || time.Since(start) != 0 {
			t.Errorf("%v after %v", info.State, time.Since(start))
		}
	})
}

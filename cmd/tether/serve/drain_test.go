package serve_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func TestAtTheEndClientsAreToldAndNewOnesAreSentAway(t *testing.T) {
	for code, args := range map[int][]string{
		websocket.CloseServiceRestart: nil,
		websocket.CloseGoingAway:      {"--drain-code=1001"},
	} {
		r := begin(t, append(args, "--echo")...)
		clients := []*websocket.Conn{r.dial(t), r.dial(t)}
		for _, c := range clients {
			wantEcho(t, c, "hello")
		}
		r.interrupt()
		// Neither has answered the close yet, so the drain is under way.
		r.stderr.await(t, `"msg":"(draining)"`)
		_, _, err := clients[0].ReadMessage()
		if !websocket.IsCloseError(err, code) {
			t.Errorf("the client saw %v, want %d", err, code)
		}
		if status, _ := r.get(t, "/readyz"); status != http.StatusServiceUnavailable {
			t.Errorf("/readyz answers %d", status)
		}
		if status, _ := r.get(t, "/healthz"); status != http.StatusOK {
			t.Errorf("/healthz answers %d", status)
		}
		_, answer, err := websocket.DefaultDialer.Dial(r.ws, nil)
		if err == nil || answer == nil || answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
			t.Errorf("a new client is answered with %v, %v", answer, err)
		}
		if _, _, err := clients[1].ReadMessage(); !websocket.IsCloseError(err, code) {
			t.Errorf("the client saw %v, want %d", err, code)
		}
		if err := <-r.ended; err != nil {
			t.Error(err)
		}
		if told := r.stderr.await(t, `"drained".*"told":(\d+),"left":0,"unfinished":0,"undelivered":0`); told != "2" {
			t.Errorf("%s clients were told", told)
		}
	}
}

func TestAClientThatDoesNotAnswerIsCutInTimeAndReported(t *testing.T) {
	r := begin(t, "--echo", "--drain-timeout=400ms")
	stuck, good := r.dial(t), r.dial(t)
	wantEcho(t, stuck, "hello")
	wantEcho(t, good, "hello")
	r.interrupt()
	began := time.Now()
	if _, _, err := good.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseServiceRestart) {
		t.Errorf("the good client saw %v", err)
	}
	err := <-r.ended
	if err == nil || !strings.Contains(err.Error(), "1 clients were cut") {
		t.Errorf("ended with %v", err)
	}
	if took := time.Since(began); took > generous {
		t.Errorf("the end took %v", took)
	}
	r.stderr.await(t, `"ERROR","msg":"drained, but not all","took":\d+,"told":1,"left":(1),`)
}

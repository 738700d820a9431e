package drops_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

func TestGateRefusesTheNextHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := drops.NewNetwork()
		gate := drops.NewGate(http.HandlerFunc(echo))
		serve(t, n, gate)
		wantStatus(t, n, 101, "")
		gate.Refuse(2, drops.Refuse{Status: 401})
		wantStatus(t, n, 401, "")
		wantStatus(t, n, 401, "")
		wantStatus(t, n, 101, "")
	})
}

func TestGateRefusesUntilItIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := drops.NewNetwork()
		gate := drops.NewGate(http.HandlerFunc(echo))
		serve(t, n, gate)
		gate.Refuse(-1, drops.Refuse{})
		for range 10 {
			wantStatus(t, n, 503, "")
		}
		gate.Open()
		wantStatus(t, n, 101, "")
	})
}

func TestRefuseAsksToRetryAfterWholeSeconds(t *testing.T) {
	cases := []struct {
		after time.Duration
		want  string
	}{
		{-time.Second, ""}, {0, ""}, {1, "1"}, {time.Second, "1"}, {time.Second + 1, "2"}, {time.Minute, "60"},
		{1<<63 - 1, "9223372037"},
	}
	for _, c := range cases {
		synctest.Test(t, func(t *testing.T) {
			n := drops.NewNetwork()
			serve(t, n, drops.Refuse{Status: 429, RetryAfter: c.after})
			wantStatus(t, n, 429, c.want)
		})
	}
}

func wantStatus(t *testing.T, n *drops.Network, status int, retryAfter string) {
	t.Helper()
	dialer := websocket.Dialer{NetDialContext: n.DialContext}
	ws, resp, err := dialer.Dial("ws://server/", nil)
	if err == nil {
		defer ws.Close()
	}
	if (status != 101) != errors.Is(err, websocket.ErrBadHandshake) {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Retry-After"); resp.StatusCode != status || got != retryAfter {
		t.Errorf("status %d, Retry-After %q; want %d, %q", resp.StatusCode, got, status, retryAfter)
	}
}

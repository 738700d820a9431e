package drops_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

func TestGateRefusesTheNextHandshakes(t *testing.T) {
	gate := drops.NewGate(http.HandlerFunc(echo))
	onBothSites(t, gate, func(t *testing.T, s *site) {
		wantStatus(t, s, 101, "")
		gate.Refuse(2, drops.Refuse{Status: 401})
		wantStatus(t, s, 401, "")
		wantStatus(t, s, 401, "")
		wantStatus(t, s, 101, "")
	})
}

func TestGateRefusesUntilItIsOpened(t *testing.T) {
	gate := drops.NewGate(http.HandlerFunc(echo))
	onBothSites(t, gate, func(t *testing.T, s *site) {
		gate.Refuse(-1, drops.Refuse{})
		for range 10 {
			wantStatus(t, s, 503, "")
		}
		gate.Open()
		wantStatus(t, s, 101, "")
	})
}

func TestGateTakesTheLatestRefusal(t *testing.T) {
	gate := drops.NewGate(http.HandlerFunc(echo))
	onBothSites(t, gate, func(t *testing.T, s *site) {
		gate.Refuse(-1, drops.HangUp{})
		gate.Refuse(1, drops.Refuse{Status: 404})
		wantStatus(t, s, 404, "")
		wantStatus(t, s, 101, "")
	})
}

func TestGateRefusesNoMoreThanAskedForAtOnce(t *testing.T) {
	var refused, passed atomic.Int32
	gate := drops.NewGate(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed.Add(1) }))
	gate.Refuse(20, drops.Refuse{})
	var requests sync.WaitGroup
	for range 50 {
		requests.Go(func() {
			answer := httptest.NewRecorder()
			gate.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
			if answer.Code == http.StatusServiceUnavailable {
				refused.Add(1)
			}
		})
	}
	requests.Wait()
	if refused.Load() != 20 || passed.Load() != 30 {
		t.Errorf("%d were refused, %d let through; want 20, 30", refused.Load(), passed.Load())
	}
}

func TestServerEndsWhileItsGateStallsAHandshake(t *testing.T) {
	gate := drops.NewGate(http.HandlerFunc(echo))
	onBothSites(t, gate, func(t *testing.T, s *site) {
		gate.Refuse(1, drops.StallHandshake{})
		c := s.request(t, handshakeRequest)
		within(t, s.begun)
		ctx, cancel := context.WithTimeout(t.Context(), brief)
		defer cancel()
		if err := s.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v; the request is still held", err)
		}
		if err := s.server.Close(); err != nil {
			t.Error(err)
		}
		within(t, s.ended)
		wantSilentEnd(t, c)
	})
}

// network is a *drops.Network, a *drops.Dialer or a *site.
type network interface {
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
}

func wantStatus(t *testing.T, n network, status int, retryAfter string) {
	t.Helper()
	dialer := websocket.Dialer{NetDialContext: n.DialContext}
	ws, resp, err := dialer.Dial("ws://server/", nil)
	if err == nil {
		defer ws.Close()
	}
	if resp == nil {
		t.Fatal(err)
	}
	if (status != 101) != errors.Is(err, websocket.ErrBadHandshake) {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Retry-After"); resp.StatusCode != status || got != retryAfter {
		t.Errorf("status %d, Retry-After %q; want %d, %q", resp.StatusCode, got, status, retryAfter)
	}
}

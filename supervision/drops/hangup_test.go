package drops_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/tetherws/tether/supervision/drops"
)

func TestHangUpResetsInsteadOfAnswering(t *testing.T) {
	onBothSites(t, drops.HangUp{}, func(t *testing.T, s *site) {
		if _, status, err := s.webSocket(t, nil); status != 0 || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("status %d, %v", status, err)
		}
	})
}

func TestHangUpEndsTheServersEndOfAListener(t *testing.T) {
	l := drops.Listen(must(net.Listen("tcp", "127.0.0.1:0")))
	server := httptest.NewUnstartedServer(drops.HangUp{})
	_ = server.Listener.Close()
	server.Listener = l
	server.Start()
	defer server.Close()
	c := must(net.Dial("tcp", l.Addr().String()))
	closeAfter(t, c)
	wantWrite(t, c, handshakeRequest)
	wantReadError(t, c, syscall.ECONNRESET)
	if left := l.Conns(); len(left) != 0 {
		t.Errorf("%d connections are live", len(left))
	}
}

func TestHangUpResetsBeneathTLS(t *testing.T) {
	server := httptest.NewTLSServer(drops.HangUp{})
	defer server.Close()
	c := must(tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true}))
	closeAfter(t, c)
	wantWrite(t, c, handshakeRequest)
	wantReadError(t, c, syscall.ECONNRESET)
}

func TestHangUpAbortsAStreamOfHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(drops.HangUp{})
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	client := server.Client()
	defer client.CloseIdleConnections()
	resp, err := client.Do(must(http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)))
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "stream error") {
		t.Errorf("answer %v, %v", resp, err)
	}
}

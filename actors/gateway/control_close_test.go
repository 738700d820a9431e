package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

func TestDeleteClosesWithCodeAndReason(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		for query, want := range map[string]int{"": 1000, "?code=4000&reason=bye": 4000, "?code=1012": 1012} {
			p := w.connect(actors.Client{})
			a := w.do("DELETE", "/v1/connections/"+p.id.String()+query, "").is(204)
			if len(a.body) != 0 || a.header.Get("Tether-Close") != "" {
				t.Errorf("%v %q", a.header, a.body)
			}
			if code := p.code(); code != want {
				t.Errorf("%q: the client is told %d", query, code)
			}
			if _, err := w.m.Info(p.id); err == nil {
				t.Error("is not closed")
			}
		}
	})
}

func TestACloseThatMayNotBeSentChangesNothing(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		p := w.connect(actors.Client{})
		for query, field := range map[string]string{
			"code=999": "code", "code=1005": "code", "code=1006": "code", "code=2000": "code", "code=5000": "code",
			"code=x": "code", "code=": "code", "code=0": "code", "code=4000&code=4001": "code",
			"reason=" + strings.Repeat("x", 124): "reason", "reason=%ff": "reason",
			"timeout=2m": "timeout", "timeout=0": "timeout", "cod=1": "cod",
		} {
			w.do("DELETE", "/v1/connections/"+p.id.String()+"?"+query, "").refuses(400, "invalid", field)
		}
		if info, err := w.m.Info(p.id); err != nil || info.State != messages.Open {
			t.Errorf("%v, %v", info.State, err)
		}
		w.do("DELETE", "/v1/connections/"+p.id.String()+"?reason="+strings.Repeat("x", 123), "").is(204)
	})
}

func TestAPeerThatDoesNotAnswerTheCloseIsCutInTime(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		for query, want := range map[string]time.Duration{"": 5 * time.Second, "?timeout=2s": 2 * time.Second} {
			p := w.connectSilent(actors.Client{})
			start := time.Now()
			a := w.do("DELETE", "/v1/connections/"+p.id.String()+query, "").is(204)
			if took := time.Since(start); took != want || a.header.Get("Tether-Close") != "cut" {
				t.Errorf("%q took %v, want %v: %v", query, took, want, a.header)
			}
		}
	})
}

// Who waits for another's close and leaves earlier has closed nothing.
func TestASecondCloseMayTimeOut(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		p := w.connectSilent(actors.Client{})
		first := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			first <- w.m.Close(ctx, p.id, 1000, "")
		}()
		synctest.Wait()
		w.do("DELETE", "/v1/connections/"+p.id.String()+"?timeout=1s", "").refuses(504, "timeout", "")
		if err := <-first; err == nil {
			t.Error("the peer answered")
		}
	})
}

func TestACloseGoesOnWithoutWhoAskedForIt(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		p := w.connectSilent(actors.Client{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "DELETE", w.base+"/v1/connections/"+p.id.String()+"?code=4002&timeout=10s", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := w.client.Do(req); err == nil {
			resp.Body.Close()
			t.Fatal("answered")
		}
		synctest.Wait()
		if info, err := w.m.Info(p.id); err != nil || info.State != messages.Closing {
			t.Errorf("%v, %v", info.State, err)
		}
		go p.read()
		if code := p.code(); code != 4002 {
			t.Errorf("the client is told %d", code)
		}
	})
}

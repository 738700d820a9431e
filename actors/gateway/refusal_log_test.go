package gateway_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

func TestRefusalsAreLoggedWithoutTheToken(t *testing.T) {
	var log bytes.Buffer
	j := admissionJWT(t, admissionSecret)
	j.Audience = "gate"
	g := admissionGateway(t, &admissionFleet{}, gateway.Config{
		Authorize: j.Authorize,
		Logger:    slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	good := admissionToken(t, jwt.SigningMethodHS256, admissionSecret, jwt.MapClaims{"sub": "ada"})
	tokens := []string{good, good + "x", "Zz9markzZ", "Zz9.mark.zZ", admissionToken(t, jwt.SigningMethodHS512, admissionSecret, jwt.MapClaims{"sub": "ada"})}
	for _, token := range tokens {
		query := admissionRequest("192.0.2.1:1000")
		query.URL.RawQuery = "access_token=" + token
		for _, r := range []*http.Request{admissionBearer(token), query, admissionRequest("192.0.2.1:1000", "Sec-WebSocket-Protocol", "chat, bearer."+token)} {
			if code := admissionAnswer(g, r).Code; code != http.StatusUnauthorized {
				t.Fatalf("status %d", code)
			}
		}
	}
	if n := strings.Count(log.String(), `"msg":"refused"`); n != 3*len(tokens) {
		t.Errorf("%d lines, want %d", n, 3*len(tokens))
	}
	if !strings.Contains(log.String(), `"reason":"unauthorized","status":401`) {
		t.Errorf("no reason in %s", log.String())
	}
	for _, token := range tokens {
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > 3 && strings.Contains(log.String(), part) {
				t.Errorf("%s is in the log", part)
			}
		}
	}
}

func TestAnOperatorIsWarnedOfWhatItShouldKnowAndNotInEachLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := &admissionFleet{}
		g := admissionGateway(t, f, gateway.Config{MaxConnections: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		warnings := func() int { return strings.Count(log.String(), "level=WARN") }
		for range 10 {
			admissionAnswer(g, admissionRequest("192.0.2.1:1000"))
		}
		if warnings() != 1 {
			t.Errorf("warned at being full: %s", log.String())
		}
		time.Sleep(time.Minute)
		admissionAnswer(g, admissionRequest("192.0.2.1:1000"))
		if warnings() != 2 {
			t.Errorf("warned a minute later: %s", log.String())
		}
		f.last().Gone()
		f.accept = func(actors.Client) error { return messages.ErrInvalid }
		admissionAnswer(g, admissionRequest("192.0.2.1:1000"))
		if warnings() != 3 {
			t.Errorf("warned of a bad grant: %s", log.String())
		}
	})
}

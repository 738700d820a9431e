package drops_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

func TestRefuseAsksToRetryAfterWholeSeconds(t *testing.T) {
	cases := []struct {
		after time.Duration
		want  string
	}{
		{-time.Second, ""}, {0, ""}, {1, "1"}, {time.Second, "1"}, {time.Second + 1, "2"}, {time.Minute, "60"},
		{1<<63 - 1, "9223372037"},
	}
	for _, c := range cases {
		t.Run(c.after.String(), func(t *testing.T) {
			onBothSites(t, drops.Refuse{Status: 429, RetryAfter: c.after}, func(t *testing.T, s *site) {
				wantStatus(t, s, 429, c.want)
			})
		})
	}
}

func TestRefusalThatCannotBeSentSaysSo(t *testing.T) {
	cases := []struct {
		refusal drops.Refusal
		want    string
	}{
		{drops.Refuse{Status: -1}, "invalid: status -1"},
		{drops.Refuse{Status: 99}, "invalid: status 99"},
		{drops.Refuse{Status: 101}, "invalid: status 101"},
		{drops.Refuse{Status: 199}, "invalid: status 199"},
		{drops.Refuse{Status: 1000, RetryAfter: time.Second}, "invalid: status 1000"},
		{drops.Reject{Code: -1}, "invalid: close code -1"},
		{drops.Reject{Code: 65536}, "invalid: close code 65536"},
		{drops.Reject{Code: 1008, Reason: strings.Repeat("r", 124)}, "invalid: close reason of 124 bytes"},
	}
	for _, c := range cases {
		t.Run(c.refusal.String(), func(t *testing.T) {
			onBothSites(t, c.refusal, func(t *testing.T, s *site) {
				if _, body := wantAnswer(t, s.request(t, handshakeRequest), 500); body != c.want+"\n" {
					t.Errorf("%q; want %q", body, c.want)
				}
			})
		})
	}
}

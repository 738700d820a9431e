package gateway_test

import (
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

func TestEveryBadFieldIsReportedAtOnce(t *testing.T) {
	_, err := gateway.New(nil, gateway.Config{
		Path:           "ws",
		AllowOrigins:   []string{"https://ok.example", "app.example", "https://*.example"},
		MaxConnections: -1, MaxPerIP: -1, RatePerIP: math.NaN(),
		TrustedProxies: []netip.Prefix{{}, netip.MustParsePrefix("::ffff:10.0.0.0/104")},
		Heartbeat:      actors.Heartbeat{Idle: -1, Timeout: -1},
		ControlToken:   "two words", ControlHosts: []string{"", "http://x"}, MaxMessage: -1,
	})
	if !errors.Is(err, messages.ErrInvalid) {
		t.Fatalf("error %v", err)
	}
	for _, name := range []string{
		"fleet", "Path", "AllowOrigins[1]", "AllowOrigins[2]", "MaxConnections", "MaxPerIP", "RatePerIP",
		"TrustedProxies[0]", "TrustedProxies[1]", "Heartbeat.Idle", "Heartbeat.Timeout",
		"ControlToken", "ControlHosts[0]", "ControlHosts[1]", "MaxMessage",
	} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in: %v", name, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 15 {
		t.Errorf("%d faults, want 15: %v", n, err)
	}
	if strings.Contains(err.Error(), "two words") {
		t.Errorf("the token is told: %v", err)
	}
}

func TestBadSinglesAreRefused(t *testing.T) {
	for _, c := range []gateway.Config{
		{Path: "/ws?x"}, {Path: "/ws#x"}, {RatePerIP: -1}, {RatePerIP: math.Inf(1)}, {ControlToken: "é"}, {ControlToken: "a\n"},
		{AllowOrigins: []string{"https://app.example/"}}, {AllowOrigins: []string{""}}, {AllowOrigins: []string{"https://bücher.example"}},
	} {
		if _, err := gateway.New(&admissionFleet{}, c); !errors.Is(err, messages.ErrInvalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestTheZeroConfigAndALaxOneWork(t *testing.T) {
	for _, c := range []gateway.Config{
		{},
		{Path: "/", Resume: -1, AllowOrigins: []string{"*", "null", "http://localhost:3000", "https://[::1]:8443"}, ControlToken: "s3cret~", ControlHosts: []string{"ops.example"}},
		{RatePerIP: 1e-300}, {RatePerIP: math.MaxFloat64},
	} {
		g := admissionGateway(t, &admissionFleet{}, c)
		if !g.Ready() {
			t.Error("not ready")
		}
		r := admissionRequest("192.0.2.1:1000")
		if c.Path != "" {
			r.URL.Path = c.Path
		}
		if code := admissionAnswer(g, r).Code; code != 101 {
			t.Errorf("%+v: %d", c, code)
		}
	}
}

func TestEveryReasonHasACountFromTheStart(t *testing.T) {
	c := admissionGateway(t, &admissionFleet{}, gateway.Config{}).Counts()
	for _, reason := range gateway.Reasons {
		if n, ok := c.Refused[reason]; !ok || n != 0 {
			t.Errorf("%s: %d, %v", reason, n, ok)
		}
	}
	if len(c.Refused) != len(gateway.Reasons) || len(c.Control) != 5 {
		t.Errorf("counts %+v", c)
	}
}

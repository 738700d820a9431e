package serve_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/cmd/tether/serve"
)

func TestEachSettingIsToldToWhomItConcerns(t *testing.T) {
	t.Setenv("TETHER_CONTROL_TOKEN", "token")
	manager, told := serve.Told(mustParse(t,
		"--path=/p", "--control=gateway.example:8081", "--allow-origin=https://a.example", "--allow-origin=*", "--require-origin",
		"--max-connections=1", "--max-per-ip=2", "--rate-per-ip=3.5", "--trusted-proxy=10.0.0.0/8", "--max-message=4", "--queue-messages=5",
		"--queue-bytes=6", "--compress", "--resume=7s", "--no-seed-heartbeat", "--heartbeat-idle=8s", "--heartbeat-timeout=9s",
		"--handshake-timeout=10s", "--control-host=b.example", "--allow-private"))
	beat := actors.Heartbeat{Idle: 8 * time.Second, Timeout: 9 * time.Second}
	if want := (actors.Config{
		Heartbeat:         beat,
		Outbox:            actors.Outbox{Messages: 5, Bytes: 6},
		ReadLimitAccepted: 4,
		HandshakeTimeout:  10 * time.Second,
	}); !reflect.DeepEqual(manager, want) {
		t.Errorf("the manager is told\n%+v, want\n%+v", manager, want)
	}
	if want := (gateway.Config{
		Path:            "/p",
		AllowOrigins:    []string{"https://a.example", "*"},
		RequireOrigin:   true,
		MaxConnections:  1,
		MaxPerIP:        2,
		RatePerIP:       3.5,
		TrustedProxies:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Heartbeat:       beat,
		Compress:        true,
		Resume:          7 * time.Second,
		NoSeedHeartbeat: true,
		ControlToken:    "token",
		ControlHosts:    []string{"b.example", "gateway.example"},
		AllowPrivate:    true,
		MaxMessage:      6,
	}); !reflect.DeepEqual(told, want) {
		t.Errorf("the gateway is told\n%+v, want\n%+v", told, want)
	}
}

func TestNoResumingIsNotTheGatewaysDefault(t *testing.T) {
	if _, told := serve.Told(mustParse(t, "--resume=0s")); told.Resume >= 0 {
		t.Errorf("told %v", told.Resume)
	}
}

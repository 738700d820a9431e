package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/cmd/tether/demo"
)

func TestAStormIsSurvived(t *testing.T) {
	cfg := demo.Config{Connections: 50, Duration: 2 * time.Second, Drops: 20, Rate: 500, Seed: 1, JSON: true}
	var stdout, stderr bytes.Buffer
	if err := demo.Run(t.Context(), cfg, &stdout, &stderr); err != nil {
		t.Errorf("%v\n%s", err, &stderr)
	}
	var got demo.Result
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatalf("%v in %q", err, &stdout)
	}
	if got.Connections != 50 || got.Open != 50 || got.MaxLive != 1 {
		t.Errorf("%d of %d connections are open, at most %d at once for one ID", got.Open, got.Connections, got.MaxLive)
	}
	if got.Sent < 500 || got.Confirmed != got.Sent || got.ReceivedUnique != got.Sent || got.Lost != 0 {
		t.Errorf("%d sent, %d confirmed, %d received, %d lost", got.Sent, got.Confirmed, got.ReceivedUnique, got.Lost)
	}
	// A connection that falls before it is open again has one reconnect for two drops.
	if got.Drops < 20 || got.Reconnects == 0 || got.Reconnects > got.Drops {
		t.Errorf("%d drops, %d reconnects", got.Drops, got.Reconnects)
	}
	if got.ReconnectMS.P50 <= 0 || got.ReconnectMS.P99 < got.ReconnectMS.P50 || got.ReconnectMS.Max < got.ReconnectMS.P99 {
		t.Errorf("reconnects took %+v", got.ReconnectMS)
	}
	if got.PeakRSS == 0 || got.Seconds < 2 {
		t.Errorf("%d bytes, %v s", got.PeakRSS, got.Seconds)
	}
	for _, phase := range []string{"opening ", "storm ", "recovery "} {
		if !strings.Contains(stderr.String(), phase) {
			t.Errorf("nothing was told of the %s", phase)
		}
	}
}

// With no messages to confirm, silence shows in nothing but the heartbeat.
func TestSilencedConnectionsAreFoundBeforeTheEnd(t *testing.T) {
	cfg := demo.Config{Connections: 30, Duration: time.Second, Drops: 30, Seed: 1, JSON: true}
	var stdout, stderr bytes.Buffer
	if err := demo.Run(t.Context(), cfg, &stdout, &stderr); err != nil {
		t.Errorf("%v\n%s", err, &stderr)
	}
	var got demo.Result
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatalf("%v in %q", err, &stdout)
	}
	if got.Drops < 20 || got.Reconnects < got.Drops*9/10 {
		t.Errorf("%d reconnects after %d drops", got.Reconnects, got.Drops)
	}
}

func TestTheLastMessagesAreWaitedFor(t *testing.T) {
	cfg := demo.Config{Connections: 20, Duration: 100 * time.Millisecond, Rate: 10000, JSON: true}
	var stdout, stderr bytes.Buffer
	if err := demo.Run(t.Context(), cfg, &stdout, &stderr); err != nil {
		t.Errorf("%v\n%s", err, &stderr)
	}
}

func TestAnInterruptedStormStillRecoversAndReports(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cfg := demo.Config{Connections: 5, Duration: time.Hour, Rate: 100}
	var stdout bytes.Buffer
	stderr := onText("storm ", cancel)
	if err := demo.Run(ctx, cfg, &stdout, stderr); err != nil {
		t.Error(err)
	}
	if !strings.Contains(stdout.String(), "All 5 connections are open") {
		t.Errorf("printed %q", &stdout)
	}
}

func TestARunThatIsInterruptedBeforeItsStormFails(t *testing.T) {
	for _, told := range []string{"seed ", "opening "} {
		ctx, cancel := context.WithCancel(t.Context())
		cfg := demo.Config{Connections: 50, Duration: time.Hour, Rate: 100}
		var stdout bytes.Buffer
		err := demo.Run(ctx, cfg, &stdout, onText(told, cancel))
		if !errors.Is(err, context.Canceled) || stdout.Len() > 0 {
			t.Errorf("interrupted at %q: returned %v and printed %q", told, err, &stdout)
		}
	}
}

// onText returns a writer that calls do when text is written to it.
func onText(text string, do func()) writer {
	return func(p []byte) (int, error) {
		if bytes.Contains(p, []byte(text)) {
			do()
		}
		return len(p), nil
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

package demo

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

func perfect() Result {
	return Result{
		Connections: 10, Open: 10, Sent: 100, Confirmed: 100, ReceivedUnique: 100, Duplicates: 3,
		Drops: 7, Reconnects: 7, ReconnectMS: Milliseconds{P50: 100.5, P99: 200, Max: 300},
		MaxLive: 1, PeakRSS: 64 << 20, Seconds: 12.5, refused: 4,
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*Result)
		want  string
	}{
		{"none", func(*Result) {}, ""},
		{"down", func(r *Result) { r.Open = 8 }, "the demo failed: 2 connections are not open"},
		{"lost", func(r *Result) { r.Lost = 1 }, "the demo failed: 1 messages were lost"},
		{"unconfirmed", func(r *Result) { r.Confirmed = 99 }, "the demo failed: 1 messages were not confirmed"},
		{"disorder", func(r *Result) { r.outOfOrder = 2 }, "the demo failed: 2 messages came out of order"},
		{"two sockets", func(r *Result) { r.MaxLive = 3 }, "the demo failed: 2 sockets too many were live for one ID"},
		{"several", func(r *Result) { r.Open, r.Lost = 9, 5 }, "the demo failed: 1 connections are not open, 5 messages were lost"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := perfect()
			test.spoil(&r)
			got := ""
			if err := r.problems(); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			var out bytes.Buffer
			if err := r.print(&out, false); err != nil {
				t.Fatal(err)
			}
			if praised := strings.Contains(out.String(), "all 100 messages arrived"); praised != (test.want == "") {
				t.Errorf("printed %s", &out)
			}
		})
	}
}

func TestJSONIsOneObject(t *testing.T) {
	r := perfect()
	var out bytes.Buffer
	if err := r.print(&out, true); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"connections": 10., "open": 10., "sent": 100., "confirmed": 100., "received_unique": 100.,
		"lost": 0., "duplicates": 3., "drops": 7., "reconnects": 7., "max_live_sockets_per_id": 1.,
		"peak_rss_bytes": float64(64 << 20), "seconds": 12.5,
	}
	times, _ := got["reconnect_ms"].(map[string]any)
	if times["p50"] != 100.5 || times["p99"] != 200. || times["max"] != 300. || len(times) != 3 {
		t.Errorf("reconnect_ms is %v", got["reconnect_ms"])
	}
	delete(got, "reconnect_ms")
	if len(got) != len(want) {
		t.Errorf("the object has %d other fields, want %d: %v", len(got), len(want), got)
	}
	for field, value := range want {
		if got[field] != value {
			t.Errorf("%s is %v, want %v", field, got[field], value)
		}
	}
}

func TestTheTableTellsAll(t *testing.T) {
	r := perfect()
	r.Lost = 123456
	table := r.table()
	for _, want := range []string{"123456", "p50 100 ms, p99 200 ms, at most 300 ms", "64 MiB", "12.5 s", "4 more found"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table does not tell %q:\n%s", want, table)
		}
	}
	told := strings.Join(strings.FieldsFunc(table, func(r rune) bool { return r == '|' || unicode.IsSpace(r) }), " ")
	for _, kind := range kinds {
		if !strings.Contains(told, kind.name) {
			t.Errorf("the table does not tell %q:\n%s", kind.name, table)
		}
	}
	if strings.Contains(table, "\x1b") {
		t.Errorf("the table is coloured:\n%s", table)
	}
}

func TestPeakMemoryIsKnown(t *testing.T) {
	if got := peakRSS(); got < 1<<20 || got > 1<<40 {
		t.Errorf("a peak of %d bytes", got)
	}
}

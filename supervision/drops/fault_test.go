package drops_test

import (
	"testing"

	"github.com/tetherws/tether/supervision/drops"
)

func TestFaultsNameThemselves(t *testing.T) {
	cases := []struct {
		fault drops.Fault
		want  string
	}{
		{drops.Reset{}, "reset"},
		{drops.Silence{}, "silence"},
		{drops.Silence{In: true, Out: true}, "silence"},
		{drops.Silence{In: true}, "silence in"},
		{drops.Silence{Out: true}, "silence out"},
		{drops.Stall{}, "stall"},
		{drops.Torn{After: 3}, "torn after 3"},
		{drops.Torn{FIN: true}, "torn after 0 with FIN"},
		{drops.CloseCode{Code: 1012}, "close 1012"},
		{drops.CloseCode{Code: 1001, Reason: "bye"}, `close 1001 "bye"`},
	}
	for _, c := range cases {
		if got := c.fault.String(); got != c.want {
			t.Errorf("%q; want %q", got, c.want)
		}
	}
}

package size_test

import (
	"testing"

	"github.com/tetherws/tether/cmd/tether/size"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]size.Bytes{
		"0": 0, "1": 1, "65536": 65536, "64KiB": 64 << 10, "16MiB": 16 << 20, "1023MiB": 1023 << 20,
	} {
		var got size.Bytes
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5MiB", "1MB", "1 MiB", "1024MiB", "99999999999999999999", "1GiB"} {
		var got size.Bytes
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken for %d", text, got)
		}
	}
}

func TestASizeIsWrittenWithTheLargestUnitThatDividesIt(t *testing.T) {
	for b, want := range map[size.Bytes]string{
		0: "0", 1: "1", 1000: "1000", 1024: "1KiB", 65536: "64KiB", 1 << 20: "1MiB", 1<<20 + 1024: "1025KiB", 16 << 20: "16MiB",
	} {
		text, err := b.MarshalText()
		if err != nil || string(text) != want {
			t.Errorf("%d is written %q, %v, want %s", b, text, err, want)
		}
		var back size.Bytes
		if err := back.UnmarshalText(text); err != nil || back != b {
			t.Errorf("%s is read as %d, %v", text, back, err)
		}
	}
}

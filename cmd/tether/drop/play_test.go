package drop

import (
	"reflect"
	"testing"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

func TestEachTimetableHasTheNextSeed(t *testing.T) {
	cfg := Config{Seed: 5, For: time.Minute}
	cfg.Mix.mix = drops.Mix{{What: drops.Reset{}, PerHour: 60}}
	next := cfg
	next.Seed++
	first, err := cfg.script(0)
	if err != nil {
		t.Fatal(err)
	}
	second, _ := cfg.script(1)
	again, _ := next.script(0)
	if len(first.Steps) == 0 || reflect.DeepEqual(first.Steps, second.Steps) || !reflect.DeepEqual(second, again) {
		t.Errorf("%d, %d and %d steps", len(first.Steps), len(second.Steps), len(again.Steps))
	}
}

package drops_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

func TestScriptIsReadBackFromItsText(t *testing.T) {
	s := drops.Script{Seed: 1<<64 - 1, Connections: len(inWords), Length: 10 * time.Minute}
	for i, c := range inWords {
		s.Steps = append(s.Steps, drops.Step{At: time.Duration(i/2) * time.Second, Conn: i, What: c.happening})
	}
	s.Steps = append(s.Steps,
		drops.Step{At: 62*time.Second + 345, Conn: 7, What: drops.Silence{In: true}, For: 30 * time.Second},
		drops.Step{At: 9 * time.Minute, What: drops.Refuse{Status: 503}, For: time.Minute},
		drops.Step{At: 10 * time.Minute, What: drops.Reset{}},
	)
	text := must(s.MarshalText())
	if line := "\n1m2.000000345s 7 silence in for 30s\n"; !strings.Contains(string(text), line) {
		t.Errorf("no line %q in:\n%s", line, text)
	}
	var got drops.Script
	if err := got.UnmarshalText(text); !reflect.DeepEqual(got, s) || err != nil {
		t.Errorf("%v; read back:\n%v\nwant:\n%v", err, got, s)
	}
	if string(text) != s.String() {
		t.Errorf("String gives:\n%vbut MarshalText:\n%s", s, text)
	}
}

func TestScriptIsAStringInJSON(t *testing.T) {
	s := must(drops.ParseScript("1s 0 close reason=bye"))
	text := must(json.Marshal(s))
	if want := `"tether-script 1 seed=0 connections=1 length=1s\n1s 0 close reason=\"bye\"\n"`; string(text) != want {
		t.Errorf("%s; want %s", text, want)
	}
}

func TestScriptIsReadAsPeopleWriteIt(t *testing.T) {
	reset := func(at time.Duration, conn int) drops.Step {
		return drops.Step{At: at, Conn: conn, What: drops.Reset{}}
	}
	silence := drops.Step{At: time.Second, Conn: 4, What: drops.Silence{}, For: time.Minute}
	cases := map[string]drops.Script{
		"":                {},
		"# \"nothing\n\n": {},
		"1s 4 silence for 1m\n\n  # then \"\n\t2s 0 reset\r\n2s 3 reset": {
			Connections: 5, Length: 61 * time.Second,
			Steps: []drops.Step{silence, reset(2*time.Second, 0), reset(2*time.Second, 3)},
		},
		"# mine\ntether-script 1\n0s 0 reset": {Connections: 1, Steps: []drops.Step{reset(0, 0)}},
		"tether-script 1 length=1h seed=3\n1m 1 reset": {
			Seed: 3, Connections: 2, Length: time.Hour,
			Steps: []drops.Step{reset(time.Minute, 1)},
		},
		"tether-script 1 connections=9": {Connections: 9},
	}
	for text, want := range cases {
		if got, err := drops.ParseScript(text); !reflect.DeepEqual(got, want) || err != nil {
			t.Errorf("%q is read as %#v, %v; want %#v", text, got, err, want)
		}
	}
}

func TestScriptTextThatIsWrongIsInvalidAndTheLineNamed(t *testing.T) {
	const header = "tether-script 1 seed=1 connections=2 length=1m\n"
	cases := []struct{ text, want string }{
		{header + "2s 0 reset\n\n# and\n1s 0 reset", "line 5: invalid: at 1s, before the step above it at 2s"},
		{header + "2s 2 reset", "line 2: invalid: connection 2 of 2, which are numbered from 0"},
		{header + "2s -1 reset", "line 2: invalid: connection -1 of 2"},
		{"2s -1 reset", "line 1: invalid: connection -1"},
		{"2s 9223372036854775807 reset", "line 1: invalid: connection 9223372036854775807 of"},
		{header + "1m1ns 0 reset", "line 2: invalid: at 1m0.000000001s, but the script is over after 1m0s"},
		{header + "59s 0 silence for 2s", "line 2: invalid: at 59s for 2s, but the script is over after 1m0s"},
		{"1ns 0 silence for 9223372036854775807ns", "line 1: invalid: at 1ns for 2562047h47m16.854775807s, but"},
		{"reset", "line 1: invalid: too few words; wanted: TIME CONNECTION HAPPENING [for DURATION]"},
		{"1s 0", "line 1: invalid: too few words"},
		{"1 0 reset", `line 1: invalid: the time is a duration such as 1m2.5s and not negative, not "1"`},
		{"-1s 0 reset", `not "-1s"`},
		{"1s x reset", `line 1: invalid: the connection is a whole number from 0, not "x"`},
		{"1s 0 resett", `line 1: invalid: nothing is called "resett"`},
		{"1s 0 torn", "line 1: invalid: torn: AFTER is missing"},
		{"1s 0 reset for 3s", "line 1: invalid: reset for 3s: it does not last"},
		{"1s 0 silence for 0s", "line 1: invalid: what stands after for"},
		{"1s 0 close reason=\"a\nb\"", "line 1: invalid: the quote"},
		{"tether-script 2", "line 1: invalid: tether-script: version 2, but this program reads version 1"},
		{"tether-script", "VERSION is missing; usage: tether-script VERSION [seed=N] [connections=N] [length=DURATION]"},
		{"tether-script 1 seeds=3", `"seeds=3" may not stand here`},
		{"tether-script 1 connections=-3", "connections is"},
		{"tether-script 1 length=-3s", "length is"},
		{header + header, `line 2: invalid: the time is a duration such as 1m2.5s and not negative, not "tether-script"`},
		{"1s 0 reset\n" + header, "line 2: invalid: the time"},
		{"1s 0 reset" + strings.Repeat(" x", 2<<10), "line 1: invalid: a line of 4106 bytes; at most 4096"},
		{"# " + strings.Repeat("x", 4<<10), "line 1: invalid: a line of 4098 bytes"},
	}
	for _, c := range cases {
		s, err := drops.ParseScript(c.text)
		wantInvalid(t, c.text, err, c.want)
		if !reflect.DeepEqual(s, drops.Script{}) {
			t.Errorf("%q gives %v beside the error", c.text, s)
		}
	}
}

func TestFailedUnmarshalLeavesTheScriptAlone(t *testing.T) {
	s := drops.Script{Seed: 7}
	wantInvalid(t, "?", s.UnmarshalText([]byte("?")), "line 1")
	if !reflect.DeepEqual(s, drops.Script{Seed: 7}) {
		t.Errorf("%v", s)
	}
}

func TestScriptTextIsBounded(t *testing.T) {
	const million = 1_000_000
	steps := strings.Repeat("0s 0 reset\n", million)
	_, err := drops.ParseScript(steps + "0s 0 reset")
	wantInvalid(t, steps, err, "line 1000001: invalid: more than 1000000 steps")
	reset := drops.Step{What: drops.Reset{}}
	_, err = drops.Script{Connections: 1, Steps: slices.Repeat([]drops.Step{reset}, million+1)}.MarshalText()
	wantInvalid(t, steps, err, "a script of 1000001 steps")
	long := wordsOnly(strings.Repeat("x", 64<<20))
	_, err = drops.Script{Connections: 1, Steps: []drops.Step{{What: long}}}.MarshalText()
	wantInvalid(t, "long", err, "bytes; at most 67108864")
	comments := strings.Repeat("#"+strings.Repeat("-", 4094)+"\n", 16<<10)
	if _, err = drops.ParseScript(comments); err != nil {
		t.Errorf("64 MiB: %v", err)
	}
	_, err = drops.ParseScript(comments + "\n")
	wantInvalid(t, comments, err, "a script of 67108865 bytes; at most 67108864")
}

func TestScriptThatWouldNotBeReadBackIsNotMarshalled(t *testing.T) {
	one := func(s drops.Step) drops.Script {
		return drops.Script{Connections: 1, Length: time.Minute, Steps: []drops.Step{s}}
	}
	cases := []struct {
		script drops.Script
		want   string
	}{
		{drops.Script{Connections: -1}, "a script of -1 connections"},
		{drops.Script{Length: -1}, "-1ns long"},
		{one(drops.Step{}), "step 1: invalid: <nil> (<nil>) is neither"},
		{one(drops.Step{What: drops.Reset{}, At: -1}), "step 1: invalid: at -1ns, before"},
		{one(drops.Step{What: drops.Reset{}, Conn: 1}), "step 1: invalid: connection 1 of 1"},
		{one(drops.Step{What: drops.Reset{}, Conn: -1}), "step 1: invalid: connection -1 of 1"},
		{one(drops.Step{What: drops.Reset{}, At: time.Minute + 1}), "over after 1m0s"},
		{one(drops.Step{What: drops.Stall{}, At: 1, For: time.Minute}), "over after 1m0s"},
		{one(drops.Step{What: drops.Stall{}, For: -1}), "stall for -1ns: negative"},
		{one(drops.Step{What: drops.Reset{}, For: 1}), "reset for 1ns: it does not last"},
		{one(drops.Step{What: drops.Torn{After: -1}}), "AFTER is"},
		{one(drops.Step{What: ownFault{}}), `step 1: invalid: Parse does not read "own" as a drops_test.ownFault`},
		{one(drops.Step{What: &drops.Reset{}}), `step 1: invalid: Parse does not read "reset" as a *drops.Reset`},
	}
	for _, c := range cases {
		_, err := c.script.MarshalText()
		wantInvalid(t, c.script.String(), err, c.want)
	}
}

func TestScriptOfOnesOwnFaultIsValid(t *testing.T) {
	s := drops.Script{Connections: 1, Length: 1, Steps: []drops.Step{{What: ownFault{}, For: 1}}}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

// FuzzParseScript: what is read is valid and read back from its own text, and
// the rest is invalid and names a line.
func FuzzParseScript(f *testing.F) {
	f.Add("tether-script 1 seed=17 connections=20 length=10m0s\n1m2.000000345s 7 silence in for 30s\n")
	f.Add("# by hand\n\n0s 0 reset\r\n1h 3 slow jitter=1s seed=4")
	f.Add("tether-script 1\n1s 0 close 1001 reason=\"\\n# \" twice\n")
	f.Add("1s 9223372036854775806 stall for 2562047h47m15.854775807s")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := drops.ParseScript(text)
		if err != nil {
			wantInvalid(t, text, err, "line ")
			return
		}
		back, err := drops.ParseScript(string(must(s.MarshalText())))
		if !reflect.DeepEqual(back, s) || err != nil {
			t.Errorf("%q is read as\n%vand again as\n%v%v", text, s, back, err)
		}
	})
}

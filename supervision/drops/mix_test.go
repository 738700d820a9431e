package drops_test

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

func TestMixIsReadBackFromItsText(t *testing.T) {
	m := drops.Mix{
		{What: drops.Reset{}, PerHour: 6},
		{What: drops.Silence{In: true}, PerHour: 1.0 / 3, For: 40*time.Second + 1},
		{What: drops.CloseCode{Code: 1001, Reason: `bye, "all" for 3s`}, PerHour: 1e-9},
		{What: drops.NoSuchHost{}, PerHour: 1e12, For: time.Hour},
	}
	const text = `6/h reset, 0.3333333333333333/h silence in for 40.000000001s, ` +
		`1e-09/h close 1001 reason="bye, \"all\" for 3s", 1e+12/h no-such-host for 1h0m0s`
	if got := m.String(); got != text {
		t.Errorf("text %s; want %s", got, text)
	}
	if got, err := drops.ParseMix(text); !reflect.DeepEqual(got, m) || err != nil {
		t.Errorf("read back as %v, %v", got, err)
	}
}

func TestMixIsReadAsPeopleWriteIt(t *testing.T) {
	cases := map[string]drops.Mix{
		"":        nil,
		" \n":     nil,
		"2/h fin": {{What: drops.FIN{}, PerHour: 2}},
		"0.5/m reset,1/s silence in for 30s": {
			{What: drops.Reset{}, PerHour: 30},
			{What: drops.Silence{In: true}, PerHour: 3600, For: 30 * time.Second},
		},
		"\n 1/h  refuse   503 for 1m ,\n 1/h reset \n": {
			{What: drops.Refuse{Status: 503}, PerHour: 1, For: time.Minute},
			{What: drops.Reset{}, PerHour: 1},
		},
	}
	for text, want := range cases {
		if got, err := drops.ParseMix(text); !reflect.DeepEqual(got, want) || err != nil {
			t.Errorf("%q is read as %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestMixTextThatIsWrongIsInvalid(t *testing.T) {
	cases := []struct{ text, want string }{
		{"1/h reset,", "share 2 of the mix: invalid: it is empty"},
		{"1/h reset,,1/h fin", "share 2 of the mix: invalid: it is empty"},
		{"reset", `the rate "reset" is not one such as 6/h, 0.5/m or 1/s`},
		{"6 reset", `the rate "6"`},
		{"6/d reset", `the rate "6/d"`},
		{"x/h reset", `the rate "x/h"`},
		{"0/h reset", "the rate 0/h is not positive and finite"},
		{"-1/h reset", "the rate -1/h is not positive"},
		{"NaN/h reset", "the rate NaN/h"},
		{"1e308/s reset", "the rate +Inf/h"},
		{"1e13/h reset", "a mix of 1e+13 happenings an hour"},
		{"2e12/h reset, 2e12/h fin", "a mix of 4e+12 happenings an hour"},
		{"1/h", "nothing happens"},
		{"1/h resett", `share 1 of the mix: invalid: nothing is called "resett"`},
		{"1/h silence for", `"for" may not stand here`},
		{"1/h silence for 0s", `a positive duration such as 30s, not "0s"`},
		{"1/h silence for -1s", `not "-1s"`},
		{"1/h silence for ever", `not "ever"`},
		{`1/h close reason="a, 1/h fin`, "the quote at byte 18"},
		{"1/h silence " + strings.Repeat(" ", 4<<10), "a line of"},
	}
	for _, name := range []string{"reset", "fin", "torn 3", "garbage", "bad-utf8", "oversized", "close", "unasked"} {
		cases = append(cases, struct{ text, want string }{"1/h " + name + " for 3s", "for 3s: it does not last"})
	}
	for _, c := range cases {
		m, err := drops.ParseMix(c.text)
		wantInvalid(t, c.text, err, c.want)
		if m != nil {
			t.Errorf("%q gives %v beside the error", c.text, m)
		}
	}
}

func TestWhatLastsTakesATime(t *testing.T) {
	for _, name := range []string{
		"silence", "stall", "bytewise", "slow", "pongs", "refuse 503", "hang-up", "stall-handshake", "wrong-accept", "reject",
		"no-such-host", "conn-refused", "unanswered",
	} {
		if _, err := drops.ParseMix("1/h " + name + " for 3s"); err != nil {
			t.Error(err)
		}
	}
}

func TestMixOfOnesOwnIsValidated(t *testing.T) {
	cases := []struct {
		share drops.Share
		want  string
	}{
		{drops.Share{PerHour: 1}, "<nil> (<nil>) is neither a Fault, a Refusal nor a DialFault"},
		{drops.Share{What: wordsOnly("reset"), PerHour: 1}, "reset (drops_test.wordsOnly) is neither"},
		{drops.Share{What: drops.Reset{}}, "the rate 0/h"},
		{drops.Share{What: drops.Reset{}, PerHour: math.NaN()}, "the rate NaN/h"},
		{drops.Share{What: drops.Reset{}, PerHour: math.Inf(1)}, "the rate +Inf/h"},
		{drops.Share{What: drops.Torn{After: -1}, PerHour: 1}, "AFTER is"},
		{drops.Share{What: drops.Reset{}, PerHour: 1, For: 1}, "reset for 1ns: it does not last"},
		{drops.Share{What: drops.Silence{}, PerHour: 1, For: -1}, "silence for -1ns: negative"},
		{drops.Share{What: ownFault{}, PerHour: 1, For: -1}, "own for -1ns: negative"},
	}
	for _, c := range cases {
		m := drops.Mix{{What: drops.Reset{}, PerHour: 1}, c.share}
		wantInvalid(t, m.String(), m.Validate(), c.want)
		wantInvalid(t, m.String(), m.Validate(), "share 2 of the mix: ")
	}
	own := drops.Mix{{What: ownFault{}, PerHour: 1, For: time.Second}}
	if err := own.Validate(); err != nil {
		t.Errorf("a fault of one's own: %v", err)
	}
}

// wordsOnly is a Happening that cannot be played.
type wordsOnly string

func (w wordsOnly) String() string { return string(w) }

// ownFault is one that this package knows nothing of.
type ownFault struct{}

func (ownFault) Inject(*drops.Conn) error { return nil }
func (ownFault) String() string           { return "own" }

func TestDefaultMixHasEveryKindAndIsReadBack(t *testing.T) {
	m := drops.DefaultMix()
	if got, err := drops.ParseMix(m.String()); !reflect.DeepEqual(got, m) || err != nil {
		t.Errorf("read back as %v, %v", got, err)
	}
	for _, usage := range drops.Words() {
		name := strings.Fields(usage)[0]
		if !slices.ContainsFunc(m, func(s drops.Share) bool { return strings.Fields(s.What.String())[0] == name }) {
			t.Errorf("no %s in the default mix", name)
		}
	}
}

func TestDefaultMixDropsEachConnectionAboutFiveTimesInTenMinutes(t *testing.T) {
	const connections = 2000
	s := must(drops.NewScript(1, connections, 10*time.Minute, drops.DefaultMix()))
	var dropped, found, missed int
	for _, step := range s.Steps {
		if isDrop(step) {
			dropped++
		}
		if _, ok := step.What.(drops.Silence); ok && step.For > 35*time.Second {
			found++
		} else if ok && step.For < 10*time.Second {
			missed++
		}
	}
	if mean := float64(dropped) / connections; mean < 4.5 || mean > 5.5 {
		t.Errorf("%.2f drops of each connection", mean)
	}
	if found < connections/10 || missed < connections/50 {
		t.Errorf("%d silences that every heartbeat finds, %d that none does", found, missed)
	}
}

// isDrop says whether a connection with a heartbeat of 25 and 10 seconds does
// not, or most likely does not, live through the step.
func isDrop(step drops.Step) bool {
	switch what := step.What.(type) {
	case drops.Unasked, drops.Bytewise, drops.Slow:
		return false
	case drops.Pongs:
		return what.Late == 0
	case drops.Silence:
		return step.For > 25*time.Second
	}
	return true
}

// FuzzParseMix: what is read is valid and read back from its own text, and
// the rest is invalid.
func FuzzParseMix(f *testing.F) {
	f.Add(drops.DefaultMix().String())
	f.Add("0.5/m reset,1/s silence in for 30s")
	f.Add(`1/h close reason="a, b" , 1e300/s fin`)
	f.Add("0x1p-3/h slow jitter=1s for 1h")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := drops.ParseMix(text)
		if err != nil {
			wantInvalid(t, text, err, "")
			return
		}
		if err := m.Validate(); err != nil {
			t.Errorf("%q is read, but %v", text, err)
		}
		if again, err := drops.ParseMix(m.String()); !reflect.DeepEqual(again, m) || err != nil {
			t.Errorf("%q is read as %v, and again as %v, %v", text, m, again, err)
		}
	})
}

package drops_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// inWords are happenings of every kind, and what they call themselves.
var inWords = []struct {
	happening drops.Happening
	words     string
}{
	{drops.Reset{}, "reset"},
	{drops.FIN{}, "fin"},
	{drops.Silence{}, "silence"},
	{drops.Silence{In: true}, "silence in"},
	{drops.Silence{Out: true}, "silence out"},
	{drops.Silence{In: true, Out: true}, "silence in out"},
	{drops.Stall{}, "stall"},
	{drops.Torn{After: 3}, "torn 3"},
	{drops.Torn{FIN: true}, "torn 0 fin"},
	{drops.Bytewise{}, "bytewise"},
	{drops.Slow{}, "slow"},
	{drops.Slow{Latency: 50 * time.Millisecond}, "slow latency=50ms"},
	{drops.Slow{Latency: 1, Jitter: 10 * time.Hour, Bandwidth: 1000, Seed: 1<<64 - 1},
		"slow latency=1ns jitter=10h0m0s bandwidth=1000 seed=18446744073709551615"},
	{drops.Garbage{}, "garbage"},
	{drops.BadUTF8{}, "bad-utf8"},
	{drops.Oversized{}, "oversized"},
	{drops.Oversized{Bytes: 70_000}, "oversized 70000"},
	{drops.CloseCode{}, "close"},
	{drops.CloseCode{Code: 65535}, "close 65535"},
	{drops.CloseCode{Code: 1001, Reason: "bye"}, `close 1001 reason="bye"`},
	{drops.CloseCode{Code: 4000, Reason: "a \"b\",\n\xff=for 3s", Twice: true, Leave: true},
		`close 4000 reason="a \"b\",\n\xff=for 3s" twice leave`},
	{drops.CloseCode{Reason: strings.Repeat("é", 61) + "e"}, `close reason="` + strings.Repeat("é", 61) + `e"`},
	{drops.Pongs{}, "pongs"},
	{drops.Pongs{Late: 3 * time.Second}, "pongs late=3s"},
	{drops.Unasked{}, "unasked"},
	{drops.Unasked{Payload: strings.Repeat("p", 125)}, `unasked payload="` + strings.Repeat("p", 125) + `"`},
	{drops.Refuse{}, "refuse"},
	{drops.Refuse{Status: 429, RetryAfter: 10 * time.Second}, "refuse 429 retry-after=10s"},
	{drops.HangUp{}, "hang-up"},
	{drops.StallHandshake{}, "stall-handshake"},
	{drops.WrongAccept{}, "wrong-accept"},
	{drops.Reject{}, "reject"},
	{drops.Reject{Code: 1008, Reason: "not you"}, `reject 1008 reason="not you"`},
	{drops.NoSuchHost{}, "no-such-host"},
	{drops.ConnRefused{}, "conn-refused"},
	{drops.Unanswered{}, "unanswered"},
}

func TestHappeningsAreReadBackFromTheirWords(t *testing.T) {
	for _, c := range inWords {
		if got := c.happening.String(); got != c.words {
			t.Errorf("%#v is %q; want %q", c.happening, got, c.words)
		}
		if got, err := drops.Parse(c.words); got != c.happening || err != nil {
			t.Errorf("%q is read as %#v, %v; want %#v", c.words, got, err, c.happening)
		}
	}
}

func TestWordsHasTheUsageOfEachHappening(t *testing.T) {
	want := []string{
		`reset`, `fin`, `silence [in] [out]`, `stall`, `torn AFTER [fin]`, `bytewise`,
		`slow [latency=DURATION] [jitter=DURATION] [bandwidth=N] [seed=N]`,
		`garbage`, `bad-utf8`, `oversized [BYTES]`,
		`close [CODE] [reason="TEXT"] [twice] [leave]`,
		`pongs [late=DURATION]`, `unasked [payload="TEXT"]`,
		`refuse [STATUS] [retry-after=DURATION]`,
		`hang-up`, `stall-handshake`, `wrong-accept`,
		`reject [CODE] [reason="TEXT"]`,
		`no-such-host`, `conn-refused`, `unanswered`,
	}
	if got := strings.Join(drops.Words(), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("usages:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	tested := make(map[string]bool)
	for _, c := range inWords {
		tested[strings.Fields(c.words)[0]] = true
	}
	for _, usage := range want {
		if name := strings.Fields(usage)[0]; !tested[name] {
			t.Errorf("%s is not among the happenings tested here", name)
		}
	}
}

func TestParseTakesArgumentsInAnyOrderAndSpacing(t *testing.T) {
	cases := map[string]drops.Happening{
		"  silence\tout  in\n":           drops.Silence{In: true, Out: true},
		"slow seed=7 latency=0.05s":      drops.Slow{Latency: 50 * time.Millisecond, Seed: 7},
		"close 1001 leave reason=bye":    drops.CloseCode{Code: 1001, Reason: "bye", Leave: true},
		`close 1001 reason="" twice`:     drops.CloseCode{Code: 1001, Twice: true},
		`close reason="twice leave"`:     drops.CloseCode{Reason: "twice leave"},
		"close reason=a=b":               drops.CloseCode{Reason: "a=b"},
		"pongs late=0s":                  drops.Pongs{},
		"refuse retry-after=1m":          drops.Refuse{RetryAfter: time.Minute},
		"oversized 00012":                drops.Oversized{Bytes: 12},
		`unasked payload="in  \"q\" in"`: drops.Unasked{Payload: `in  "q" in`},
	}
	for words, want := range cases {
		if got, err := drops.Parse(words); got != want || err != nil {
			t.Errorf("%q is read as %#v, %v; want %#v", words, got, err, want)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	cases := []struct{ words, want string }{
		{"", "there are reset, fin"},
		{"resett", `nothing is called "resett"; there are reset, fin`},
		{"Reset", `nothing is called "Reset"`},
		{`"reset"`, `nothing is called "\"reset\""`},
		{"reset now", `reset: "now" may not stand here`},
		{"silence in in", `silence: "in" may not stand here, or not again; usage: silence [in] [out]`},
		{"silence in for 3s", `"for" may not stand here`},
		{"torn", "torn: AFTER is missing; usage: torn AFTER [fin]"},
		{"torn fin", "AFTER is missing"},
		{"torn fin 3", "AFTER is missing"},
		{"torn -1", `AFTER is a whole number from 0 to 9223372036854775807, not "-1"`},
		{"torn 3x", `not "3x"`},
		{"torn 9223372036854775808", `not "9223372036854775808"`},
		{"slow latency=-1s", `latency is a duration such as 1.5s and not negative, not "-1s"`},
		{"slow jitter=-1s", "jitter is"},
		{"slow latency=1", `not "1"`},
		{"slow latency=", "latency= has no value"},
		{"slow latency=1s latency=2s", `"latency=2s" may not stand here, or not again`},
		{"slow bandwidth=-1", `bandwidth is a whole number from 0 to 9223372036854775807, not "-1"`},
		{"slow seed=18446744073709551616", "seed is a whole number from 0 to 18446744073709551615"},
		{"oversized -1", `BYTES is a whole number from 0 to 268435456, not "-1"`},
		{"close 65536", `CODE is a whole number from 0 to 65535, not "65536"`},
		{"close -1", `not "-1"`},
		{"close 1001 1002", `"1002" may not stand here`},
		{"close reason=" + strings.Repeat("r", 124), "reason has at most 123 bytes, not 124"},
		{`close reason="a b`, "the quote at byte 14"},
		{"close reason=a\"\r\"", `reason is quoted as a whole or not at all, not "a\"\r\""`},
		{`close reason="a"b`, `reason is quoted as a whole`},
		{"close reason=`\"a\"`", `reason is quoted as a whole`},
		{"pongs late=-1s", "late is"},
		{"unasked payload=" + strings.Repeat("p", 126), "payload has at most 125 bytes, not 126"},
		{"refuse 101", "STATUS is 200 or more, not 101"},
		{"refuse 1000", "STATUS is a whole number from 0 to 999"},
		{"refuse retry-after=-1s", "retry-after is"},
		{"reject 70000", "CODE is"},
		{"reject reason=" + strings.Repeat("r", 124), "reason has at most 123 bytes"},
		{"reset " + strings.Repeat("x", 4<<10), "a line of 4102 bytes; at most 4096"},
	}
	for _, c := range cases {
		h, err := drops.Parse(c.words)
		wantInvalid(t, c.words, err, c.want)
		if h != nil {
			t.Errorf("%q is read as %#v", c.words, h)
		}
	}
}

func TestInvalidFieldsAreNotHiddenByString(t *testing.T) {
	for _, h := range []drops.Happening{
		drops.Torn{After: -1}, drops.Slow{Latency: -1}, drops.Slow{Jitter: -1}, drops.Slow{Bandwidth: -1}, drops.Oversized{Bytes: -1},
		drops.CloseCode{Code: -1}, drops.Pongs{Late: -1}, drops.Refuse{Status: -1}, drops.Refuse{RetryAfter: -1}, drops.Reject{Code: -1},
	} {
		if got, err := drops.Parse(h.String()); !errors.Is(err, messages.ErrInvalid) {
			t.Errorf("%#v is read as %#v, %v", h, got, err)
		}
	}
}

// wantInvalid holds an error about the input to its form: one line, of bounded
// length, that contains want.
func wantInvalid(t *testing.T, input string, err error, want string) {
	t.Helper()
	if len(input) > 100 {
		input = input[:100]
	}
	if !errors.Is(err, messages.ErrInvalid) || !strings.Contains(err.Error(), want) {
		t.Errorf("%q: %v; want %q", input, err, want)
		return
	}
	if text := err.Error(); strings.ContainsAny(text, "\r\n") || len(text) > 32<<10 {
		t.Errorf("%q: not one short line: %q", input, text)
	}
}

// FuzzParse: what is read is read back from its own words, and the rest is
// invalid.
func FuzzParse(f *testing.F) {
	for _, c := range inWords {
		f.Add(c.words)
	}
	f.Add(`close reason="\u00e9\x00`)
	f.Add("silence\u00a0in")
	f.Fuzz(func(t *testing.T, words string) {
		h, err := drops.Parse(words)
		if err != nil {
			wantInvalid(t, words, err, "")
			return
		}
		if again, err := drops.Parse(h.String()); again != h || err != nil {
			t.Errorf("%q is read as %#v, but its words %q as %#v, %v", words, h, h, again, err)
		}
	})
}

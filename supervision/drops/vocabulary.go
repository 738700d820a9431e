package drops

import (
	"math"
	"slices"
	"strings"
)

// word is a kind of happening.
type word struct {
	name  string
	lasts bool // until it is healed, or for a time
	read  func(*arguments) Happening
}

const (
	maxCode     = math.MaxUint16
	maxPayload  = 125 // of a control frame
	maxOversize = 256 << 20
	minRefusal  = 200 // less would not end the request
	maxStatus   = 999
)

// vocabulary is all that [Parse] reads.
var vocabulary = []word{
	{"reset", false, func(*arguments) Happening { return Reset{} }},
	{"fin", false, func(*arguments) Happening { return FIN{} }},
	{"silence", true, func(a *arguments) Happening { return Silence{In: a.flag("in"), Out: a.flag("out")} }},
	{"stall", true, func(*arguments) Happening { return Stall{} }},
	{"torn", false, func(a *arguments) Happening {
		return Torn{After: a.number("AFTER", math.MaxInt), FIN: a.flag("fin")}
	}},
	{"bytewise", true, func(*arguments) Happening { return Bytewise{} }},
	{"slow", true, func(a *arguments) Happening {
		return Slow{
			Latency:   a.duration("latency"),
			Jitter:    a.duration("jitter"),
			Bandwidth: a.count("bandwidth"),
			Seed:      a.seed("seed"),
		}
	}},
	{"garbage", false, func(*arguments) Happening { return Garbage{} }},
	{"bad-utf8", false, func(*arguments) Happening { return BadUTF8{} }},
	{"oversized", false, func(a *arguments) Happening { return Oversized{Bytes: a.number("[BYTES]", maxOversize)} }},
	{"close", false, func(a *arguments) Happening {
		return CloseCode{
			Code:   a.number("[CODE]", maxCode),
			Reason: a.text("reason", maxReason),
			Twice:  a.flag("twice"),
			Leave:  a.flag("leave"),
		}
	}},
	{"pongs", true, func(a *arguments) Happening { return Pongs{Late: a.duration("late")} }},
	{"unasked", false, func(a *arguments) Happening { return Unasked{Payload: a.text("payload", maxPayload)} }},
	{"refuse", true, func(a *arguments) Happening {
		r := Refuse{Status: a.number("[STATUS]", maxStatus), RetryAfter: a.duration("retry-after")}
		if r.Status != 0 && r.Status < minRefusal {
			a.fail("STATUS is %d or more, not %d", minRefusal, r.Status)
		}
		return r
	}},
	{"hang-up", true, func(*arguments) Happening { return HangUp{} }},
	{"stall-handshake", true, func(*arguments) Happening { return StallHandshake{} }},
	{"wrong-accept", true, func(*arguments) Happening { return WrongAccept{} }},
	{"reject", true, func(a *arguments) Happening {
		return Reject{Code: a.number("[CODE]", maxCode), Reason: a.text("reason", maxReason)}
	}},
	{"no-such-host", true, func(*arguments) Happening { return NoSuchHost{} }},
	{"conn-refused", true, func(*arguments) Happening { return ConnRefused{} }},
	{"unanswered", true, func(*arguments) Happening { return Unanswered{} }},
}

func lookUp(name string) (word, bool) {
	i := slices.IndexFunc(vocabulary, func(w word) bool { return w.name == name })
	if i < 0 {
		return word{}, false
	}
	return vocabulary[i], true
}

// usage needs the arguments that w has read.
func (w word) usage(a *arguments) string {
	return strings.Join(append([]string{w.name}, a.usage...), " ")
}

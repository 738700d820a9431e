package demo

import (
	"math/rand/v2"
	"strings"

	"github.com/tetherws/tether/supervision/drops"
)

// drop is one way to cut a connection, injected into the server's end of it.
type drop struct {
	fault  drops.Fault
	refuse bool // and the client's next handshake is answered 503
}

// kind is drops of one name.
type kind struct {
	name string // in the plural
	draw func(*rand.Rand) drop
}

// kinds are equally likely. Each is such that the client may come back at once,
// and finds it out by the end of a heartbeat.
var kinds = []kind{
	{"resets", always(drops.Reset{})},
	{"FINs", always(drops.FIN{})},
	{"torn frames", torn},
	{"garbage", always(drops.Garbage{})},
	{"close codes", closeCode},
	{"silences", always(drops.Silence{})},
	{"stalled readers", always(drops.Stall{})},
	{"refusals (503)", func(*rand.Rand) drop { return drop{fault: drops.Reset{}, refuse: true} }},
}

func always(f drops.Fault) func(*rand.Rand) drop {
	return func(*rand.Rand) drop { return drop{fault: f} }
}

// pongSize is the answer to a ping of package actors: a header of two bytes and
// 20 of payload.
const pongSize = 22

// torn cuts the answer to the next ping in its midst.
func torn(random *rand.Rand) drop {
	return drop{fault: drops.Torn{After: 1 + random.IntN(pongSize-1), FIN: random.IntN(2) == 0}}
}

// closeCodes are such that a client may come back at once.
var closeCodes = []int{1001, 1011, 1012, 4000}

func closeCode(random *rand.Rand) drop {
	return drop{fault: drops.CloseCode{Code: closeCodes[random.IntN(len(closeCodes))]}}
}

// nameKinds lists what there is, for people.
func nameKinds() string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return strings.Join(names, ", ")
}

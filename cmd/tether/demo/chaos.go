package demo

import (
	"math/rand/v2"

	"github.com/tetherws/tether/cmd/tether/demo/witness"
)

// chaos cuts the server's connections, in any of the ways of faults.
type chaos struct {
	server *witness.Server
	ids    []string
	random *rand.Rand
}

// faults are equally likely. Each reports whether there was a connection to
// cut.
var faults = []func(chaos, string) bool{
	func(c chaos, id string) bool { return c.server.Reset(id) },
	func(c chaos, id string) bool { return c.server.Refuse(id) },
	func(c chaos, id string) bool { return c.server.Silence(id) },
	func(c chaos, id string) bool {
		return c.server.CloseWith(id, closeCodes[c.random.IntN(len(closeCodes))])
	},
}

// closeCodes are such that a client may come back at once.
var closeCodes = []int{1001, 1011, 1012, 4000}

// strike cuts one connection: the first that is whole, from a random one on.
// It reports false if none is.
func (c chaos) strike() bool {
	fault := faults[c.random.IntN(len(faults))]
	start := c.random.IntN(len(c.ids))
	for i := range c.ids {
		if fault(c, c.ids[(start+i)%len(c.ids)]) {
			return true
		}
	}
	return false
}

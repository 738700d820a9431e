package demo

import "math/rand/v2"

// chaos drops the server's connections, in any of the ways of kinds.
type chaos struct {
	server *server
	ids    []string
	random *rand.Rand
}

// strike drops one connection: the first that is whole, from a random one on.
// It reports false if none is.
func (c chaos) strike() bool {
	d, start := c.draw()
	for i := range c.ids {
		if c.server.cut(c.ids[(start+i)%len(c.ids)], d) {
			return true
		}
	}
	return false
}

// draw picks the drop and the place to begin at. It draws the same whatever
// the connections are up to, so that a seed repeats them.
func (c chaos) draw() (d drop, start int) {
	d = kinds[c.random.IntN(len(kinds))].draw(c.random)
	return d, c.random.IntN(len(c.ids))
}

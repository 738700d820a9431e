package actors

import (
	"math"
	"math/rand/v2"

	"github.com/tetherws/tether/messages"
)

// random draws for the connection, in [0, 1). The embedder's panic is its own.
func (m *Manager) random(id messages.ID) (u float64) {
	if m.config.Random == nil {
		return rand.Float64()
	}
	defer func() {
		if p := recover(); p != nil {
			m.log.Error("Random panicked", "conn", id, "cause", p)
			u = rand.Float64()
		}
	}()
	return within(m.config.Random(id))
}

// within returns what of [0, 1) is nearest to u; 0 is nearest to NaN.
func within(u float64) float64 {
	if !(u > 0) {
		return 0
	}
	return min(u, math.Nextafter(1, 0))
}

package gateway

import "github.com/tetherws/tether/actors"

// withSeed has h answer the seed's {"heart":1} unless it has an answer of its
// own. Beats stay what they are: silence is judged by pings, since a page may
// share one heartbeat among many sockets.
func (c Config) withSeed(h actors.Heartbeat) actors.Heartbeat {
	if h.Reply == nil && !c.NoSeedHeartbeat {
		h.Reply = actors.SeedHeartbeat().Reply
	}
	return h
}

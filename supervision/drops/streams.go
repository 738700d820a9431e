package drops

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/tetherws/tether/messages"
)

// What a stream of random numbers is for.
const (
	forID = iota
	forJitter
	forTraffic
)

// stream returns the random numbers of a connection for one purpose.
func stream(seed uint64, conn int, purpose uint64) *rand.Rand {
	const purposes = 8
	return rand.New(rand.NewPCG(seed, uint64(conn)*purposes+purpose))
}

// newID returns a random ID (a version 4 UUID, RFC 9562).
func newID(r *rand.Rand) (id messages.ID) {
	binary.BigEndian.PutUint64(id[:], r.Uint64())
	binary.BigEndian.PutUint64(id[8:], r.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

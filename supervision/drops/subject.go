package drops

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"

	"github.com/tetherws/tether/messages"
)

// subject is a connection of a [Simulation].
type subject struct {
	number int
	id     messages.ID
	jitter *rand.Rand // the fleet's

	mu       sync.Mutex // guards what follows
	begun    bool       // the fleet was asked to dial it
	leaving  bool       // the fleet was asked to close it for good
	dialed   int        // sockets
	sockets  []*socket  // that one side still has, oldest first
	refusal  order[Refusal]
	failure  order[DialFault]
	stricken int // the socket of the latest step; 0: none

	tally Tally // guarded by the simulation's lock
}

func newSubject(seed uint64, n int) *subject {
	return &subject{
		number: n, id: newID(stream(seed, n, forID)), jitter: stream(seed, n, forJitter),
		tally: Tally{Drops: make(map[string]int)},
	}
}

func (c *subject) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun = true
}

func (c *subject) hasBegun() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begun
}

func (c *subject) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
}

const domain = ".sim"

func host(n int) string { return strconv.Itoa(n) + domain }

// subject finds the connection whose host it is, with or without a port.
func (s *Simulation) subject(host string) (*subject, error) {
	label, _, _ := strings.Cut(host, domain)
	n, err := strconv.Atoi(label)
	if err != nil || n < 0 || n >= len(s.subjects) {
		return nil, errors.New("no connection has the host " + host)
	}
	return s.subjects[n], nil
}

package drops

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tetherws/tether/messages"
)

// Slow makes the link that this end writes to a slow one: what is written
// arrives later, in order. At most 64 KiB are under way; then writes block. The
// other direction stays as it is. It lasts until [Conn.Heal] or Close.
type Slow struct {
	Latency   time.Duration // of each byte; zero is none
	Jitter    time.Duration // at most so much is added to the latency of each Write; zero is none
	Bandwidth int           // in bytes per second; zero is unbounded
	Seed      uint64        // of the jitter
}

// Inject implements Fault. A negative field is an error that matches
// messages.ErrInvalid.
func (s Slow) Inject(c *Conn) error {
	if s.Latency < 0 || s.Jitter < 0 || s.Bandwidth < 0 {
		return fmt.Errorf("%w: negative value in %v", messages.ErrInvalid, s)
	}
	c, err := c.carrier()
	if err != nil {
		return err
	}
	p := &pace{Slow: s, random: rand.New(rand.NewPCG(s.Seed, 0))}
	return c.afflict(func(t *trouble) { t.slow = p })
}

func (s Slow) String() string {
	return string(phrase("slow").duration("latency", s.Latency).duration("jitter", s.Jitter).
		count("bandwidth", s.Bandwidth).seed("seed", s.Seed))
}

// pace is when what is written to a slow link arrives, unless what was written
// before holds it up. Nil is at once.
type pace struct {
	Slow
	random *rand.Rand
	free   time.Time // when the link has sent all so far
}

// due is when n bytes arrive that are written now.
func (p *pace) due(now time.Time, n int) time.Time {
	if p == nil {
		return time.Time{}
	}
	if now.After(p.free) {
		p.free = now
	}
	if p.Bandwidth > 0 {
		p.free = p.free.Add(time.Duration(n) * time.Second / time.Duration(p.Bandwidth))
	}
	at := p.free.Add(p.Latency)
	if p.Jitter > 0 {
		at = at.Add(time.Duration(p.random.Int64N(int64(p.Jitter))))
	}
	return at
}

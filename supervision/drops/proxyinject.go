package drops

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net"

	"github.com/tetherws/tether/messages"
)

// InjectInto injects into the connection with the ID. Where there is none the
// error matches net.ErrClosed.
//
// What lasted on the connection ends, as with [Conn.InjectFor]. This and the
// other methods that inject block only if the fault does, and none of this
// package waits for a peer.
func (p *Proxy) InjectInto(id uint64, in Injection) error {
	if err := in.check(); err != nil {
		return err
	}
	c := p.get(id)
	if c == nil {
		return fmt.Errorf("connection %d: %w", id, net.ErrClosed)
	}
	_, err := p.inject([]*proxied{c}, in)
	return err
}

// InjectAll injects into all that are live, and returns how many it struck.
func (p *Proxy) InjectAll(in Injection) (struck int, err error) {
	if err := in.check(); err != nil {
		return 0, err
	}
	return p.inject(p.live(), in)
}

// InjectShare injects into a share of those that are live, rounded to the
// nearest number, but one at least unless the share is zero: into random ones of those on which nothing lasts yet, or all
// of those if they are fewer. It returns how many it struck. A share outside 0
// to 1 is an error that matches messages.ErrInvalid.
func (p *Proxy) InjectShare(share float64, in Injection) (struck int, err error) {
	if err := in.check(); err != nil {
		return 0, err
	}
	if !(share >= 0 && share <= 1) {
		return 0, fmt.Errorf("%w: share %v: want 0 to 1", messages.ErrInvalid, share)
	}
	return p.inject(p.pick(share), in)
}

// inject returns the first error where it struck none.
func (p *Proxy) inject(picked []*proxied, in Injection) (struck int, err error) {
	for _, c := range picked {
		if failed := c.inject(in); failed == nil {
			struck++
		} else if err == nil {
			err = failed
		}
	}
	if struck > 0 {
		err = nil
	}
	return struck, err
}

func (p *Proxy) pick(share float64) []*proxied {
	p.mu.Lock()
	defer p.mu.Unlock()
	live := p.filter(func(c *proxied) bool { return c.outcome == nil })
	whole := p.filter(func(c *proxied) bool { return c.outcome == nil && c.lasts == nil })
	if p.random == nil {
		p.random = rand.New(rand.NewPCG(p.Seed, 0))
	}
	p.random.Shuffle(len(whole), func(i, j int) { whole[i], whole[j] = whole[j], whole[i] })
	n := int(math.Round(share * float64(len(live))))
	if share > 0 {
		n = max(n, 1)
	}
	return whole[:min(len(whole), n)]
}

// Heal ends all that lasts, and what is to happen to handshakes. It returns on
// how many connections something lasted.
func (p *Proxy) Heal() (healed int) {
	p.mu.Lock()
	p.hurdles = nil
	hurt := p.filter(func(c *proxied) bool { return c.lasts != nil })
	p.mu.Unlock()
	for _, c := range hurt {
		if c.heal() {
			healed++
		}
	}
	return healed
}

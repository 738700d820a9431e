package drops

import (
	"cmp"
	"net"
)

// inject makes it happen, and counts it if it did.
func (c *proxied) inject(in Injection) error {
	does := c.begin
	if strikesOnce(in.Fault) {
		does = c.strike
	}
	err := does(in)
	if err == nil {
		c.proxy.count(func(counts *ProxyCounts) { counts.Faults[wordOf(in.Fault)]++ })
	}
	return err
}

// strike injects what does not last. It may block as the fault does.
func (c *proxied) strike(in Injection) error {
	if _, reset := in.Fault.(Reset); !reset { // which what lasts can't hold up
		c.heal()
	}
	why := endedBy(nil)
	if endsConn(in.Fault) {
		why = byFault(wordOf(in.Fault))
	}
	if err := c.expect(in, why); err != nil {
		return err
	}
	err := c.apply(in)
	c.settle(in, why, err)
	return err
}

// expect has what the pumps are about to see put down to the fault.
func (c *proxied) expect(in Injection, why endedBy) error {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	if c.gone {
		return net.ErrClosed
	}
	if why != nil {
		c.suspect = why
	}
	c.halve(in, true)
	return nil
}

// settle is what follows the fault, or its failure.
func (c *proxied) settle(in Injection, why endedBy, err error) {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	if why != nil && err == nil {
		c.end(why)
	}
	if why != nil {
		c.suspect = nil
	}
	if err != nil {
		c.halve(in, false)
	}
}

// halve marks the sides whose writes a FIN ends.
func (c *proxied) halve(in Injection, halved bool) {
	if (in.Fault == FIN{}) {
		for _, l := range c.legs(in.side()) {
			l.halved = halved
		}
	}
}

// apply injects on the sides that are asked for. It fails if it fails on all:
// what ends one side may have ended the other by then.
func (c *proxied) apply(in Injection) (failed error) {
	struck := false
	for _, l := range c.legs(in.side()) {
		if err := in.Fault.Inject(l.conn); err != nil {
			failed = cmp.Or(failed, err)
		} else {
			struck = true
		}
	}
	if struck {
		return nil
	}
	return failed
}

func (c *proxied) legs(s Side) []*leg {
	switch s {
	case ClientSide:
		return []*leg{c.client}
	case ServerSide:
		return []*leg{c.server}
	}
	return []*leg{c.client, c.server}
}

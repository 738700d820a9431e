package drops

import (
	"net"
	"time"
)

// spell is a fault that is in force.
type spell struct {
	Injection
	until time.Time   // zero: for ever
	timer *time.Timer // nil: for ever
}

func (l *spell) silent() bool {
	_, silence := l.Fault.(Silence)
	return silence
}

// begin injects what lasts.
func (c *proxied) begin(in Injection) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	c.mend()
	if err := c.apply(in); err != nil {
		return err
	}
	return c.remember(in)
}

// remember keeps what lasts, until its time is over.
func (c *proxied) remember(in Injection) error {
	p := c.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.gone || p.closed {
		return net.ErrClosed
	}
	c.lasts = &spell{Injection: in}
	if d, heals := in.limit(); d > 0 {
		c.limit(c.lasts, d, heals)
	}
	return nil
}

// limit has l end after d: the fault, or else the connection.
func (c *proxied) limit(l *spell, d time.Duration, heals bool) {
	l.until = time.Now().Add(d)
	c.proxy.working.Add(1)
	l.timer = time.AfterFunc(d, func() {
		defer c.proxy.working.Done()
		c.turn.Lock()
		defer c.turn.Unlock()
		switch {
		case c.inForce() != l:
		case heals:
			c.mend()
		default:
			c.cut(byFault(wordOf(l.Fault)))
		}
	})
}

// heal ends what lasts. It reports whether anything did.
func (c *proxied) heal() bool {
	c.turn.Lock()
	defer c.turn.Unlock()
	return c.mend()
}

func (c *proxied) inForce() *spell {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	return c.lasts
}

// mend is heal for who has the turn.
func (c *proxied) mend() bool {
	if !c.forget() {
		return false
	}
	c.client.conn.Heal()
	c.server.conn.Heal()
	return true
}

func (c *proxied) forget() bool {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	l := c.lasts
	if l == nil {
		return false
	}
	c.lasts = nil
	c.client.tearing, c.server.tearing = nil, nil
	if l.timer != nil && l.timer.Stop() {
		c.proxy.working.Done()
	}
	return true
}

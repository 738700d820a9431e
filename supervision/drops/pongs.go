package drops

import (
	"bytes"
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// Pongs withholds the pongs that this end writes, or delays them. All other
// frames leave. It lasts until [Conn.Heal] or Close; what is delayed leaves at
// the healing.
type Pongs struct {
	// Late is by how much each pong is delayed; zero: none leaves at all.
	// Negative is an error that matches messages.ErrInvalid.
	Late time.Duration
}

// Inject implements Fault.
func (p Pongs) Inject(c *Conn) error {
	if p.Late < 0 {
		return fmt.Errorf("%w: pongs late by %v", messages.ErrInvalid, p.Late)
	}
	return c.afflict(func(t *trouble) { t.pongs = &p })
}

func (p Pongs) String() string { return string(phrase("pongs").duration("late", p.Late)) }

// late is pongs that this end has written and that leave later.
type late struct {
	keeping bool   // a pong is being written
	partial []byte // of it, so far
	queue   []parcel
	timer   *time.Timer // nil: none is on its way
}

func (l *late) stop() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	l.queue = nil
}

// next returns the part of b that shares one fate, and whether it is kept from
// leaving.
func (c *Conn) next(b []byte) (part []byte, kept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.trouble
	if t == nil || t.pongs == nil && !t.late.keeping {
		return b, false
	}
	if c.frames.between() {
		t.late.keeping = t.pongs != nil && b[0]&0xf == opPong
	}
	f := c.frames
	return b[:f.step(b)], t.late.keeping
}

// wrote follows a part that next returned.
func (c *Conn) wrote(part []byte, kept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames.advance(part)
	if !kept {
		return
	}
	l := &c.trouble.late
	l.partial = append(l.partial, part...)
	if !c.frames.between() {
		return
	}
	pong := bytes.Clone(l.partial)
	l.keeping, l.partial = false, nil
	if p := c.trouble.pongs; p == nil || p.Late > 0 {
		c.delay(pong)
	}
}

// delay has the pong leave later; now, if the delay was healed meanwhile. The
// lock is held.
func (c *Conn) delay(pong []byte) {
	l, by := &c.trouble.late, time.Duration(0)
	if c.trouble.pongs != nil {
		by = c.trouble.pongs.Late
	}
	l.queue = append(l.queue, parcel{time.Now().Add(by), pong})
	if l.timer == nil {
		l.timer = time.AfterFunc(by, c.pongsDue)
	}
}

func (c *Conn) pongsDue() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trouble.late.timer = nil
	c.releaseLate(time.Now())
}

// releaseLate has those pongs leave that are due by then; all, if it is zero.
// The lock is held.
func (c *Conn) releaseLate(then time.Time) {
	t := c.trouble
	l := &t.late
	for len(l.queue) > 0 && (then.IsZero() || !l.queue[0].due.After(then)) {
		t.waiting = append(t.waiting, slipped{parts: [][]byte{l.queue[0].bytes}})
		l.queue = l.queue[1:]
	}
	switch {
	case len(l.queue) == 0 && l.timer != nil:
		l.stop()
	case len(l.queue) > 0 && l.timer == nil:
		l.timer = time.AfterFunc(time.Until(l.queue[0].due), c.pongsDue)
	}
	if !c.out.busy {
		c.slipIn()
	}
}

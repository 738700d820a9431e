package drops

import (
	"net"
	"time"
)

// flow is what this end has written and the conn beneath has not taken yet:
// Silence holds it back, Slow has it under way, or a fault wrote it.
type flow struct {
	queue    []parcel
	size     int         // bytes in queue
	pumping  bool        // a goroutine writes the queue beneath
	deadline time.Time   // of its writes; zero: none
	timer    *time.Timer // wakes the pump when the first parcel is due; nil: not set
	end      ending      // what follows the queue
}

// parcel is bytes that leave when they are due; at once if due is zero.
type parcel struct {
	due   time.Time
	bytes []byte
}

// ending is how a conn beneath ends.
type ending uint8

const (
	endNone ending = iota
	endFIN
	endLeave // is endClose, once the program has been told
	endClose
	endReset
)

// mostHeld is how many of the program's bytes the flow takes before its
// writes block.
const mostHeld = 64 << 10

// orphaned is how long what is under way at a Close, once due, may wait for
// the peer.
const orphaned = time.Minute

// room says how much of n bytes the flow takes now.
func (f *flow) room(n int) int { return max(0, min(n, mostHeld-f.size)) }

// hurryTo makes everything due by then at the latest.
func (f *flow) hurryTo(then time.Time) {
	for i := range f.queue {
		if f.queue[i].due.After(then) {
			f.queue[i].due = then
		}
	}
	f.rest()
}

func (f *flow) drop() {
	f.queue, f.size, f.end = nil, 0, endNone
	f.rest()
}

// rest stops the timer.
func (f *flow) rest() {
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
}

// wrote takes n written bytes off the first parcel, if that is still there.
func (f *flow) wrote(n int) {
	if len(f.queue) == 0 {
		return
	}
	first := &f.queue[0]
	first.bytes = first.bytes[n:]
	f.size -= n
	if len(first.bytes) == 0 {
		f.queue = f.queue[1:]
	}
}

// held reports whether what is written now has to go through the flow. The
// lock is held, as in all that follows but drain.
func (c *Conn) held() bool {
	t := c.trouble
	return c.out.shut || t != nil && (t.slow != nil || t.flow.pumping || len(t.flow.queue) > 0)
}

// enqueue puts b, which it keeps, into the flow.
func (c *Conn) enqueue(b []byte) {
	t := c.troubled()
	t.flow.queue = append(t.flow.queue, parcel{t.slow.due(time.Now(), len(b)), b})
	t.flow.size += len(b)
	c.pump()
}

// pump has the flow go on: now, or when its first parcel is due.
func (c *Conn) pump() {
	f := &c.trouble.flow
	if f.pumping || f.timer != nil || c.out.shut || len(f.queue) == 0 && f.end == endNone {
		return
	}
	if len(f.queue) > 0 {
		if wait := time.Until(f.queue[0].due); wait > 0 {
			f.timer = time.AfterFunc(wait, c.pumpOn)
			return
		}
	}
	if f.end >= endLeave {
		f.deadline = time.Now().Add(orphaned)
	}
	f.pumping = true
	_ = c.forward(&c.out) // what failed fails again at the write
	go c.drain()
}

func (c *Conn) pumpOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trouble.flow.timer = nil
	c.pump()
}

// drain writes the flow to the conn beneath, as far as it is due. It ends with
// the flow, and is never waited for: as with a kernel, what is under way
// outlives Close.
func (c *Conn) drain() {
	for {
		b, shuts, end := c.takeParcel()
		if b == nil {
			c.finish(end)
			return
		}
		n, err := c.writeBeneath(b)
		_, err = c.leave(&c.out, "write", shuts, err)
		c.gaveParcel(n, err)
	}
}

// takeParcel returns what is to be written next, or nil and what is to follow.
func (c *Conn) takeParcel() (b []byte, shuts uint, end ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := &c.trouble.flow
	if !c.out.shut && len(f.queue) > 0 && time.Until(f.queue[0].due) <= 0 {
		c.out.inside++
		return f.queue[0].bytes, c.out.shuts, endNone
	}
	if len(f.queue) == 0 && !c.out.shut {
		end, f.end = f.end, endNone
	}
	if end == endLeave {
		c.depart()
		end = endClose
	}
	if end > endFIN { // nothing follows, and Close is to leave the end to the pump
		return nil, 0, end
	}
	f.pumping = false
	_ = c.forward(&c.out)
	c.mu.cond.Broadcast()
	if end == endNone {
		c.pump()
	}
	return nil, 0, end
}

// gaveParcel follows a write of n bytes. What can't be written is lost, and so
// is the good order of the end behind it.
func (c *Conn) gaveParcel(n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := &c.trouble.flow
	f.wrote(n)
	if err != nil {
		end := f.end
		f.drop()
		if end == endLeave {
			c.depart()
		}
		if end >= endLeave {
			end = endReset
		}
		f.end = end
		if c.out.err == nil {
			c.out.err = bare(err)
		}
	}
	c.mu.cond.Broadcast()
}

// finish ends the conn beneath.
func (c *Conn) finish(end ending) {
	switch end {
	case endFIN:
		if half, ok := c.inner.(halfCloser); ok {
			_ = half.CloseWrite()
		}
	case endClose:
		_ = c.inner.Close()
	case endReset:
		_ = abort(c.inner, true)
	}
}

// endFlow says how the conn beneath is to be closed now; endNone if the flow
// will do that.
func (c *Conn) endFlow() ending {
	f := &c.trouble.flow
	if c.out.shut || !f.pumping && len(f.queue) == 0 {
		how := endClose
		if len(f.queue) > 0 {
			how = endReset
		}
		f.drop()
		return how
	}
	if f.end != endReset {
		f.end = endClose
	}
	c.orphan()
	return endNone
}

// orphan leaves the end to the flow, and releases whoever is blocked beneath.
func (c *Conn) orphan() {
	_ = c.inner.SetReadDeadline(longAgo)
	c.lastMinute()
}

// lastMinute has the flow end within a minute, however slow the link.
func (c *Conn) lastMinute() {
	f := &c.trouble.flow
	f.deadline = time.Now().Add(orphaned)
	f.hurryTo(f.deadline)
	_ = c.forward(&c.out)
	c.pump()
}

// finLater leaves the FIN to the flow, if there is anything to follow.
func (c *Conn) finLater() (later bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.over(&c.out); err != nil {
		return false, opError("close", c, err)
	}
	c.out.finished = true
	if !c.held() {
		return false, nil
	}
	c.troubled().flow.end = endFIN
	c.pump()
	return true, nil
}

// bare is err without what package net, or this one, has put about it.
func bare(err error) error {
	if e, ok := err.(*net.OpError); ok { //nolint:errorlint // the outermost one alone
		return e.Err
	}
	return err
}

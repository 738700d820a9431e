package drops

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/tetherws/tether/messages"
)

// driver is what the fleet's user does with one connection: it has it dialed,
// sends, asks for its Info, and may close it. It draws all instants, to the
// nanosecond: so those of different connections do not coincide.
type driver struct {
	sim   *Simulation
	conn  *subject
	draws *rand.Rand
	timer *time.Timer
	next  uint64 // the number of the next message

	send, poll, leave time.Time // leave zero: never
}

// drive is the life of a connection's driver.
func (s *Simulation) drive(ctx context.Context, c *subject, dial func(int) error) {
	d := &driver{sim: s, conn: c, draws: stream(s.plan.Script.Seed, c.number, forTraffic), next: 1}
	d.timer = time.NewTimer(d.start())
	defer d.timer.Stop()
	if !d.await(ctx) || !d.begin(dial) {
		return
	}
	d.schedule()
	for {
		d.timer.Reset(time.Until(d.earliest()))
		if !d.await(ctx) {
			return
		}
		if !d.act(time.Now()) {
			d.part(ctx)
			return
		}
	}
}

// start draws when the connection begins: one after the other do.
func (d *driver) start() time.Duration {
	const apart = 5 * time.Millisecond
	return time.Duration(d.conn.number)*apart + time.Duration(d.draws.Int64N(int64(apart)))
}

func (d *driver) await(ctx context.Context) bool {
	select {
	case <-d.timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func (d *driver) begin(dial func(int) error) bool {
	d.conn.begin()
	d.sim.observe(Began{Conn: d.conn.number})
	err := dial(d.conn.number)
	if err != nil {
		d.sim.breach(fmt.Errorf("connection %d was not dialed: %w", d.conn.number, err))
	}
	return err == nil
}

func (d *driver) schedule() {
	now := time.Now()
	d.send, d.poll = now.Add(d.gap(d.sim.plan.Message)), now.Add(d.gap(d.sim.plan.Poll))
	if after, ok := d.closing(); ok {
		d.leave = d.sim.start.Add(after)
	}
}

// closing draws when the connection is closed for good, in the last half of the
// script. Of ten one is, at any time; and another just after something has
// happened to it, when it may well be down.
func (d *driver) closing() (at time.Duration, ok bool) {
	script := d.sim.plan.Script
	half := script.Length / 2
	switch d.conn.number % 10 {
	case 9:
		return half + time.Duration(d.draws.Int64N(int64(half)+1)), true
	case 4:
		for _, step := range script.Steps {
			if step.Conn == d.conn.number && step.At >= half {
				return step.At + 1 + time.Duration(d.draws.Int64N(int64(time.Second))), true
			}
		}
	}
	return 0, false
}

// gap draws an exponentially distributed time with that mean.
func (d *driver) gap(mean time.Duration) time.Duration {
	return 1 + time.Duration(d.draws.ExpFloat64()*float64(mean))
}

func (d *driver) earliest() time.Time {
	first := d.send
	if d.poll.Before(first) {
		first = d.poll
	}
	if !d.leave.IsZero() && d.leave.Before(first) {
		first = d.leave
	}
	return first
}

// act does what is due, and reports false once the connection is to be closed.
func (d *driver) act(now time.Time) bool {
	if !now.Before(d.send) {
		d.say()
		d.send = now.Add(d.pause())
	}
	if !now.Before(d.poll) {
		d.sim.look(d.conn)
		d.poll = now.Add(d.gap(d.sim.plan.Poll))
	}
	return d.leave.IsZero() || now.Before(d.leave)
}

// pause draws the time to the next message: a quarter of them follow at once.
func (d *driver) pause() time.Duration {
	if d.draws.IntN(4) == 0 {
		return 0
	}
	return d.gap(d.sim.plan.Message * 4 / 3)
}

// say gives the fleet a message.
func (d *driver) say() {
	m := compose(d.draws, d.next)
	d.sim.observe(Sent{Conn: d.conn.number, Number: d.next, Message: m})
	err := d.sim.fleet.Send(d.conn.id, m)
	d.sim.observe(Admitted{Conn: d.conn.number, Number: d.next, Err: err})
	if err == nil {
		d.next++
	}
}

// compose draws what kind of message carries the number.
func compose(r *rand.Rand, number uint64) messages.Message {
	m := messages.Message{Kind: messages.KindText, Data: strconv.AppendUint(nil, number, 10)}
	if r.IntN(2) == 0 {
		m.Guarantee = messages.AtLeastOnce
	}
	if r.IntN(4) == 0 {
		m.TTL = 1 + time.Duration(r.ExpFloat64()*float64(30*time.Second))
	}
	if r.IntN(8) == 0 {
		m.Key = []string{"a", "b", "c"}[r.IntN(3)]
	}
	return m
}

// part closes the connection for good, and goes on to use it until it must
// have been forgotten.
func (d *driver) part(ctx context.Context) {
	d.conn.leave()
	d.sim.running.Go(func() { d.close(ctx) })
	const uses = 10
	for range uses {
		d.timer.Reset(d.gap(2 * remembered / uses))
		if !d.await(ctx) {
			return
		}
		d.say()
		d.sim.observe(Retried{Conn: d.conn.number, Err: d.sim.fleet.Retry(d.conn.id)})
		d.sim.look(d.conn)
	}
}

func (d *driver) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, d.sim.plan.Expect.HandshakeTimeout)
	defer cancel()
	d.sim.observe(Closing{Conn: d.conn.number})
	d.sim.observe(Closed{Conn: d.conn.number, Err: d.sim.fleet.Close(ctx, d.conn.id, 0, "")})
}

// look asks the fleet for the connection's Info, and returns its state; zero if
// there is none. It is called when a timer has fired at an instant of its own:
// then nothing moves.
func (s *Simulation) look(c *subject) messages.State {
	info, err := s.fleet.Info(c.id)
	s.observe(Polled{Conn: c.number, Info: info, Err: err})
	if err != nil {
		return 0
	}
	return info.State
}

// lookAtAll looks at each connection and returns those that are parked.
func (s *Simulation) lookAtAll() (parked []*subject) {
	for _, c := range s.subjects {
		if c.hasBegun() && s.look(c) == messages.Parked {
			parked = append(parked, c)
		}
	}
	return parked
}

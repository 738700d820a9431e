package drops

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/tetherws/tether/messages"
)

// Inject implements Stage, at the server's end of the connection's newest
// socket, so that what the fault withholds is withheld whatever the fleet does
// with its own end; [Slow] at both. Without a live socket the error matches net.ErrClosed.
func (s *Simulation) Inject(conn int, f Fault, d time.Duration) error {
	c, err := s.onStage(conn)
	if err != nil {
		return err
	}
	k := c.strike()
	if k == nil {
		return fmt.Errorf("%w: connection %d is down", net.ErrClosed, conn)
	}
	s.heal(c, k, 0)
	if err := k.InjectFor(f, 0); err != nil {
		return err
	}
	if slow, ok := f.(Slow); ok { // as links are, both ways
		_ = k.other.InjectFor(slow, 0)
	}
	s.healLater(c, k, d)
	return nil
}

// Refuse implements Stage. The error matches net.ErrClosed once the fleet was
// asked to close the connection.
func (s *Simulation) Refuse(conn int, r Refusal, d time.Duration) error {
	return s.bring(conn, func(c *subject) { c.refusal.give(r, d) })
}

// FailDial implements Stage. The error matches net.ErrClosed once the fleet
// was asked to close the connection.
func (s *Simulation) FailDial(conn int, f DialFault, d time.Duration) error {
	return s.bring(conn, func(c *subject) { c.failure.give(f, d) })
}

// bring gives an order and resets the socket, so that it is carried out.
func (s *Simulation) bring(conn int, give func(*subject)) error {
	c, err := s.onStage(conn)
	if err != nil {
		return err
	}
	if !c.obey(give) {
		return fmt.Errorf("%w: connection %d is closed for good", net.ErrClosed, conn)
	}
	if k := c.strike(); k != nil {
		s.heal(c, k, 0)
		_ = Reset{}.Inject(k.Conn) // it may have ended just now
	}
	return nil
}

func (c *subject) obey(give func(*subject)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stricken = 0
	if !c.leaving {
		give(c)
	}
	return !c.leaving
}

func (s *Simulation) onStage(conn int) (*subject, error) {
	if conn < 0 || conn >= len(s.subjects) {
		return nil, fmt.Errorf("%w: connection %d of %d", messages.ErrInvalid, conn, len(s.subjects))
	}
	return s.subjects[conn], nil
}

// strike notes which socket is hit; nil if none lives.
func (c *subject) strike() *socket {
	k := c.newest()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stricken = 0
	if k != nil {
		c.stricken = k.number
	}
	return k
}

// struck is told each step of the script when it was done.
func (s *Simulation) struck(step Step, err error) {
	c := s.subjects[step.Conn]
	c.mu.Lock()
	socket := c.stricken
	c.mu.Unlock()
	if errors.Is(err, net.ErrClosed) {
		socket = 0
	}
	s.observe(Struck{Step: step, Socket: socket, Err: err})
}

// healLater has what was injected into k end after d; d zero is at the calm.
func (s *Simulation) healLater(c *subject, k *socket, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.over {
		return
	}
	k.faulty = true
	k.faults++
	if of := k.faults; d > 0 {
		k.healer = time.AfterFunc(d, func() { s.heal(c, k, of) })
	}
}

// heal ends the fault that was injected into k as the of-th; 0 is whichever
// there is.
func (s *Simulation) heal(c *subject, k *socket, of int) {
	if c.cure(k, of) {
		k.Heal()
		k.other.Heal()
		s.observe(Healed{Conn: c.number, Socket: k.number})
	}
}

// cure reports whether there is such a fault, and takes note that there is not.
func (c *subject) cure(k *socket, of int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !k.faulty || of != 0 && of != k.faults {
		return false
	}
	k.faulty = false
	if k.healer != nil {
		k.healer.Stop()
		k.healer = nil
	}
	return true
}

// calm ends every fault.
func (s *Simulation) calm() {
	for _, c := range s.subjects {
		for _, k := range c.pardon() {
			s.heal(c, k, 0)
		}
	}
	s.observe(Calm{})
}

// pardon takes back every order and returns the sockets.
func (c *subject) pardon() []*socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusal, c.failure = order[Refusal]{}, order[DialFault]{}
	return append([]*socket{}, c.sockets...)
}

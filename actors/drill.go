package actors

import (
	"errors"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// Drill is a fault for live connections: see [Manager.Drill]. It strikes those
// that are Open and fit both ID and Labels, or the Share of them.
type Drill struct {
	// Fault befalls this side's end of each socket that is struck.
	Fault drops.Fault
	// For is after how long a fault that lasts is healed: positive, and at most
	// 24 h, so that no drill is forgotten. It means nothing to one that does
	// not, such as [drops.Reset], and is required all the same.
	For time.Duration
	// ID is the one connection that is meant; zero is any.
	ID messages.ID
	// Labels are what a connection must have, with these values; nil is any.
	Labels map[string]string
	// Share is how much of the selected connections is struck, chosen at
	// random: the nearest whole number, and at least one. Zero is all, as is 1.
	Share float64
}

const longestDrill = 24 * time.Hour

// Drill puts a fault on live connections and returns those it struck, in the
// order of their IDs; there may be none. It needs Config.Drills. What follows
// is as with a drop that nobody asked for: the connection comes back by its
// policy, and its next socket begins without the fault. A socket has one drill
// at a time: a later one heals what lasts of the one before.
//
// Anybody may call it. It returns once the fault is in force everywhere, and
// waits for no peer: a frame that is to be written leaves when it can, between
// two of the connection's own.
//
// An invalid Drill, or a manager without Config.Drills, is
// [messages.ErrInvalid] with all that is wrong; an ID that is unknown or closed
// gives the errors of [Manager.Info]; after Shutdown it is
// [messages.ErrShutdown]. Where some connections could not be struck the others
// were, and the error says how many and why the first was spared: it matches
// [errors.ErrUnsupported] if its socket can't bear the fault, and
// [net.ErrClosed] or [syscall.ECONNRESET] if it ended just then.
//
// Over TLS, faults of the bytes, such as [drops.Silence], act beneath it. They
// can't on a socket that came as a *tls.Conn: a client's of an HTTPS server,
// unless [drops.Listen] wrapped its listener beneath TLS, or one of a Dialer's
// own NetDialTLSContext. Frames and [drops.Reset] work there too.
//
// For a Share each selected connection, in the order of the IDs, draws once
// from Config.Random, and those with the lowest are struck.
func (m *Manager) Drill(d Drill) (struck []messages.ID, err error) {
	if err := m.checkDrill(d); err != nil {
		return nil, err
	}
	ended := m.drillsEnded.Load()
	targets, err := m.targets(d)
	if err != nil {
		return nil, err
	}
	return targets.strike(d, func() bool { return m.drillsEnded.Load() != ended })
}

// EndDrills heals whatever lasts on any socket, and also what a Drill that has
// yet to return is about to strike. Anybody may call it; it does not block.
func (m *Manager) EndDrills() {
	if !m.config.Drills {
		return
	}
	m.drillsEnded.Add(1)
	for _, r := range m.table.all() {
		if l := r.socket(); l != nil {
			l.drilled().Heal()
		}
	}
}

func (m *Manager) checkDrill(d Drill) error {
	if m.stopping.Load() {
		return messages.ErrShutdown
	}
	var errs []error
	if !m.config.Drills {
		errs = append(errs, invalid("Config.Drills is off"))
	}
	if d.Fault == nil {
		errs = append(errs, invalid("Drill.Fault is nil"))
	}
	if d.For <= 0 || d.For > longestDrill {
		errs = append(errs, invalid("Drill.For is %v, must be positive and at most %v", d.For, longestDrill))
	}
	if !(d.Share >= 0 && d.Share <= 1) { // also NaN
		errs = append(errs, invalid("Drill.Share is %v, not in 0 to 1", d.Share))
	}
	return errors.Join(errs...)
}

package actors

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"slices"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// target is a socket that a drill is to strike.
type target struct {
	record *record
	link   *link
	lot    float64
}

type targets []target

// targets returns what d is to strike, in the order of the IDs.
func (m *Manager) targets(d Drill) (all targets, err error) {
	candidates, err := m.candidates(d.ID)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(candidates, func(a, b *record) int { return slices.Compare(a.id[:], b.id[:]) })
	for _, r := range candidates {
		if t, fits := r.targetOf(d); fits {
			all = append(all, t)
		}
	}
	return all.draw(d.Share), nil
}

// candidates returns the connection with the ID, or for zero all.
func (m *Manager) candidates(id messages.ID) ([]*record, error) {
	if id.IsZero() {
		return m.table.all(), nil
	}
	r, err := m.lookup(id)
	return []*record{r}, err
}

// targetOf reports whether r fits d.
func (r *record) targetOf(d Drill) (t target, fits bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != messages.Open || r.link.cause != nil {
		return t, false
	}
	for name, value := range d.Labels {
		if got, has := r.settings.labels[name]; !has || got != value {
			return t, false
		}
	}
	t = target{record: r, link: r.link}
	if d.Share != 0 {
		t.lot = r.m.random(r.id)
	}
	return t, true
}

// draw returns the share of all that has the lowest lots, in the order of the
// IDs, which all has.
func (all targets) draw(share float64) targets {
	if share == 0 || len(all) == 0 {
		return all
	}
	struck := max(1, int(math.Round(share*float64(len(all)))))
	slices.SortStableFunc(all, func(a, b target) int { return cmp.Compare(a.lot, b.lot) })
	all = all[:struck]
	slices.SortFunc(all, func(a, b target) int { return slices.Compare(a.record.id[:], b.record.id[:]) })
	return all
}

// strike puts d's fault on the targets. What lasts is healed at once where the
// drills were ended meanwhile.
func (all targets) strike(d Drill, ended func() bool) (struck []messages.ID, err error) {
	for _, t := range all {
		switch failed := t.link.drilled().InjectFor(d.Fault, d.For); {
		case failed == nil:
			struck = append(struck, t.record.id)
		case err == nil:
			err = fmt.Errorf("connection %v: %w", t.record.id, failed)
		}
		if ended() {
			t.link.drilled().Heal()
		}
	}
	if err != nil {
		err = fmt.Errorf("drill: %d of %d connections were spared: %w", len(all)-len(struck), len(all), err)
	}
	return struck, err
}

// drilled is what takes faults. Config.Drills is on.
func (l *link) drilled() *drops.Conn { return l.wire.Conn.(*drops.Conn) }

// drillable wraps a socket so that drills can be put on it, if they are on.
func (m *Manager) drillable(c net.Conn) net.Conn {
	if !m.config.Drills {
		return c
	}
	return drops.Wrap(c)
}

// undrilled returns what drillable, or the embedder, has wrapped.
func undrilled(c net.Conn) net.Conn {
	if c, ok := c.(*drops.Conn); ok {
		return c.NetConn()
	}
	return c
}

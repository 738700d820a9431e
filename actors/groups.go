package actors

import (
	"slices"
	"sync"

	"github.com/tetherws/tether/messages"
)

// groups knows which records a broadcast goes to. Membership outlives sockets
// and ends with the connection.
type groups struct {
	mu      sync.RWMutex
	members map[string]map[*record]struct{}
}

// Join makes the connection a member of the group; again is no error. The
// group "" is everyone and is [messages.ErrInvalid] here. It does not block.
func (m *Manager) Join(id messages.ID, group string) error {
	if group == "" {
		return invalid("the group %q is everyone and can't be joined", group)
	}
	return m.regroup(id, func(r *record) {
		if r.state == messages.Closed {
			return
		}
		if i, member := slices.BinarySearch(r.groups, group); !member {
			r.groups = slices.Insert(r.groups, i, group)
			m.groups.join(r, group)
		}
	})
}

// Leave ends the connection's membership; without one it does nothing.
func (m *Manager) Leave(id messages.ID, group string) error {
	return m.regroup(id, func(r *record) {
		if i, member := slices.BinarySearch(r.groups, group); member {
			r.groups = slices.Delete(r.groups, i, i+1)
			m.groups.leave(r, group)
		}
	})
}

func (m *Manager) regroup(id messages.ID, change func(*record)) error {
	r, err := m.lookup(id)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
	return nil
}

// Broadcast sends a message to every member of the group, or with "" to every
// connection. The frame is encoded once for all. It returns how many outboxes
// admitted it and how many refused, for want of room or because they close;
// an invalid message is refused by all. It does not block.
func (m *Manager) Broadcast(group string, msg messages.Message) (admitted, refused int) {
	to := m.recipients(group)
	if m.stopping.Load() || validate(msg) != nil {
		return 0, len(to)
	}
	shared := &broadcast{msg: msg}
	for _, r := range to {
		e := newEntry(msg)
		e.extra().broadcast = shared
		if r.send(e, msg.TTL) == nil {
			admitted++
		} else {
			refused++
		}
	}
	return admitted, refused
}

func (m *Manager) recipients(group string) []*record {
	if group == "" {
		return m.table.all()
	}
	m.groups.mu.RLock()
	defer m.groups.mu.RUnlock()
	to := make([]*record, 0, len(m.groups.members[group]))
	for r := range m.groups.members[group] {
		to = append(to, r)
	}
	return to
}

func (g *groups) join(r *record, group string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.members == nil {
		g.members = make(map[string]map[*record]struct{})
	}
	if g.members[group] == nil {
		g.members[group] = make(map[*record]struct{})
	}
	g.members[group][r] = struct{}{}
}

func (g *groups) leave(r *record, group string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.members[group], r)
	if len(g.members[group]) == 0 {
		delete(g.members, group)
	}
}

// leaveAll ends r's memberships. r's lock is held.
func (g *groups) leaveAll(r *record) {
	for _, group := range r.groups {
		g.leave(r, group)
	}
	r.groups = nil
}

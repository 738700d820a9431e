package actors

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

// record is what of a connection outlives the restarts of its actor. So
// sends, status and close are answered whatever the actor does.
//
// While there is a link, the actor alone ends it; others cut its wire, and
// the actor sees that. Without a link anybody may end the connection, under
// the lock.
type record struct {
	m        *Manager
	id       messages.ID
	target   *Target // nil: accepted
	settings *settings

	pulse pulse // guarded by the pacemaker

	mu          sync.Mutex
	state       messages.State
	incarnation uint64
	since       instant
	next        instant // of the next attempt, in Backoff and Parked, or of the end, in Detached
	hurry       bool    // Retry was asked for, or the client came back
	failures    supervision.History
	cause       error // of the last failure
	past        []messages.Transition
	pid         *actor.PID // nil before the spawn and after the end
	attempt     *attempt   // to open a socket; nil: none is under way
	calling     *attempt   // whose Request, Hello, Ready or dialer runs; nil: none
	link        *link      // nil: no socket
	lastPeer    string
	rtt         time.Duration
	aborted     bool                 // it never came to be, and its ID is free again
	waking      bool                 // a Flush is on its way to the actor
	untold      bool                 // to the totals: how messages ended
	closing     *closing             // nil: no close is under way
	end         *messages.CloseError // nil until Closed
	waiters     []*waiter
	groups      []string // sorted

	outbox outbox
	admits []chan struct{} // Delivers that wait for room, in order
	inbox  inbox
	counts counts
	told   told

	events  []messages.Event // to be told once the lock is given up
	telling bool
	resume  *resumption // nil: it does not speak tether.v1
}

type counts struct {
	admitted, received uint64
	outcomes           [messages.OutcomeUndelivered + 1]uint64
}

const mostTransitions = 16 // that are remembered

// become changes the state; nothing else does. mu is held.
func (r *record) become(next messages.State, cause error) {
	if !r.state.To(next) {
		r.m.log.Error("illegal transition", "conn", r.id, "state", r.state, "next", next)
		return
	}
	now := r.m.now()
	t := messages.Transition{At: r.m.wall(now), From: r.state, To: next, Cause: cause}
	r.state, r.since = next, now
	r.m.totals.of(r.id).moved(t, r.aborted)
	if len(r.past) == mostTransitions {
		r.past = slices.Delete(r.past, 0, 1)
	}
	r.past = append(r.past, t)
	var delay time.Duration
	if r.next != 0 {
		delay = time.Duration(r.next - now)
	}
	r.tell(messages.EventTransition{
		ID: r.id, Incarnation: r.incarnation, Attempt: r.failures.Attempt, Delay: delay, Transition: t,
	})
	r.logTransition(t, delay)
	r.wakeWaiters()
}

func (r *record) logTransition(t messages.Transition, delay time.Duration) {
	level := slog.LevelInfo
	switch t.To {
	case messages.Backoff:
		level = slog.LevelWarn
	case messages.Parked:
		level = slog.LevelError
	}
	ctx := context.Background()
	if r.m.log.Enabled(ctx, level) {
		r.m.log.Log(ctx, level, "connection", "conn", r.id, "state", t.To,
			"attempt", r.failures.Attempt, "delay", delay, "cause", t.Cause)
	}
}

// unlock gives up the lock, gives back the entries that were used up under it,
// and tells the totals and OnEvent what has been gathered. All that writes or
// ends messages ends with it. Whoever is telling goes on for the others, so
// that events come in order.
func (r *record) unlock() {
	r.outbox.recycle()
	r.publish()
	if r.telling {
		r.mu.Unlock()
		return
	}
	for len(r.events) > 0 {
		events := r.events
		r.events, r.telling = nil, true
		r.mu.Unlock()
		for _, e := range events {
			r.m.tell(e)
		}
		r.mu.Lock()
		r.telling = false
	}
	r.mu.Unlock()
}

// tell queues an event for unlock. mu is held.
func (r *record) tell(e messages.Event) {
	if r.m.config.OnEvent != nil {
		r.events = append(r.events, e)
	}
}

// ended implements ledger. mu is held.
func (r *record) ended(e *entry, outcome messages.Outcome, cause error) {
	r.counts.outcomes[outcome]++
	r.untold = true
	r.admitNext()
	if r.m.config.OnEvent != nil {
		r.tell(messages.EventOutcome{
			ID: r.id, Incarnation: r.incarnation, Number: e.number, Key: e.key(), Outcome: outcome, Err: cause,
		})
	}
}

// wake has the actor flush what waits to be written. mu is held.
func (r *record) wake() {
	if r.link == nil || r.waking || r.pid == nil {
		return
	}
	r.waking = true
	r.post(flush)
}

// post sends msg to the actor's mailbox, if there is one. It does not block.
// mu is held.
func (r *record) post(msg any) {
	if r.pid != nil {
		r.m.system.Root.Send(r.pid, msg)
	}
}

var flush any = messages.Flush{}

// finish closes the connection for good. mu is held; there is no link, or the
// caller is the actor.
func (r *record) finish(end *messages.CloseError) {
	if r.state == messages.Closed {
		return
	}
	wasOpen := r.state == messages.Open
	if r.attempt != nil {
		r.attempt.stop()
		r.attempt = nil
	}
	l := r.link
	if l != nil {
		r.lastPeer = l.peer()
		l.end(false)
		r.inbox.interrupt()
		r.link = nil
	}
	end.ID = r.id
	end.Undelivered = r.outbox.held // before Delivers are told of end
	r.outbox.close(r, end)
	r.next = 0
	r.m.groups.leaveAll(r)
	r.end = end
	r.become(messages.Closed, end)
	if wasOpen && !end.Remote {
		r.calls(call{kind: callDropped, link: l, err: end.Err})
	}
	r.calls(call{kind: callClosed, link: l, err: end})
	r.m.pacemaker.disarm(r)
	if r.aborted {
		r.m.table.remove(r)
	} else {
		r.m.table.bury(r)
	}
	r.m.stopActor(r)
	r.admitNext()
}

func (r *record) info() messages.Info {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.infoLocked()
}

// ending is info, and how the connection has ended if it is about to be buried.
func (r *record) ending() (messages.Info, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end != nil {
		return r.infoLocked(), r.end
	}
	return r.infoLocked(), nil
}

func (r *record) infoLocked() messages.Info {
	i := messages.Info{
		ID: r.id, State: r.state, Incarnation: r.incarnation, Dialed: r.target != nil,
		Peer: r.lastPeer, Labels: maps.Clone(r.settings.labels), Groups: slices.Clone(r.groups),
		Since: r.m.wall(r.since), Attempt: r.failures.Attempt, RTT: r.rtt,
		Queued: r.outbox.queued, QueuedBytes: r.outbox.queuedBytes, Unconfirmed: r.outbox.unconfirmed,
		Admitted: r.counts.admitted, Received: r.counts.received,
		Written:     r.counts.outcomes[messages.OutcomeWritten],
		Confirmed:   r.counts.outcomes[messages.OutcomeConfirmed],
		Expired:     r.counts.outcomes[messages.OutcomeExpired],
		Replaced:    r.counts.outcomes[messages.OutcomeReplaced],
		Refused:     r.counts.outcomes[messages.OutcomeRefused],
		Withdrawn:   r.counts.outcomes[messages.OutcomeWithdrawn],
		Undelivered: r.counts.outcomes[messages.OutcomeUndelivered],
		History:     slices.Clone(r.past),
	}
	if r.next != 0 {
		i.NextAttempt = r.m.wall(r.next)
	}
	if r.link != nil {
		i.Peer, i.RTT = r.link.peer(), r.link.rtt
	}
	if r.healthy() {
		i.Attempt = 0
	}
	return i
}

package actors

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

// Manager holds connections, dialed and accepted, and keeps them alive. Make
// one with [New] and end it with Shutdown. Its methods may be called from any
// goroutine.
type Manager struct {
	config   Config
	log      *slog.Logger
	dialer   websocket.Dialer // for targets without one
	dialed   settings         // for targets that choose nothing
	accepted settings         // for clients that choose nothing
	epoch    time.Time        // instant 1

	system          *actor.ActorSystem
	connectionProps *actor.Props
	supervisor      *actor.PID
	supervisorGone  chan struct{}
	registry        *actor.PID
	process         *registry

	table     table
	totals    totals
	groups    groups
	pacemaker pacemaker
	governor  *supervision.Governor
	running   sync.WaitGroup // readers, handlers' calls and attempts

	gate     sync.RWMutex // held to register, and to begin the shutdown
	stopping atomic.Bool
	shutdown shutdown

	drillsEnded atomic.Uint64 // how often EndDrills was called
}

// New returns a manager. An error reports every bad field at once; each
// matches [messages.ErrInvalid].
func New(config Config) (*Manager, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	c := config.withDefaults()
	if c.Upgrader != nil {
		up := *c.Upgrader
		c.Upgrader = &up
	}
	m := &Manager{
		config: c, log: c.Logger, dialer: defaultDialer(), epoch: time.Now(),
		dialed:         settings{c.Handler, c.Heartbeat, c.Restart, c.ReadLimitDialed, nil},
		accepted:       settings{c.Handler, c.Heartbeat, c.Restart, c.ReadLimitAccepted, nil},
		governor:       supervision.NewGovernor(c.Governor),
		supervisorGone: make(chan struct{}),
		shutdown:       shutdown{done: make(chan struct{})},
	}
	m.pacemaker.now, m.table.graves.now = m.now, m.now
	m.system = newSystem(c.Logger)
	m.connectionProps = actor.PropsFromProducer(
		func() actor.Actor { return &connection{m: m} }, actor.WithMailbox(newMailbox))
	m.supervisor = m.system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
		return &supervisor{Strategy: supervision.NewStrategy(m.decide), m: m}
	}))
	m.process = &registry{m: m}
	m.registry, _ = m.system.ProcessRegistry.Add(m.process, registryName)
	return m, nil
}

// newSystem returns a protoactor system that logs warnings only: it has a line
// for each failure of an actor, which here is each drop.
func newSystem(log *slog.Logger) *actor.ActorSystem {
	quiet := slog.New(warnings{log.Handler()})
	return actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quiet }),
		// How long the goroutine sleeps that protoactor starts at a dead letter.
		actor.WithDeadLetterThrottleInterval(time.Millisecond),
	)
}

// warnings is a slog.Handler that passes on what is at least a warning.
type warnings struct{ slog.Handler }

func (h warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// Dial registers a connection that the manager opens and keeps open. It
// returns once the connection is registered: its ID takes sends at once. It
// does not keep ctx. Errors are [messages.ErrInvalid], with every bad field,
// [messages.ErrDuplicateID] and [messages.ErrShutdown].
func (m *Manager) Dial(ctx context.Context, t Target) (messages.ID, error) {
	if err := errors.Join(ctx.Err(), t.validate()); err != nil {
		return messages.ID{}, err
	}
	if t.Dialer != nil {
		d := *t.Dialer
		t.Dialer = &d
	}
	s := &m.dialed
	if t.Handler != nil || t.Heartbeat != nil || t.Restart != nil || t.Labels != nil {
		s = m.dialed.with(t.Handler, t.Heartbeat, t.Restart, t.Labels)
	}
	r := m.newRecord(t.ID, &t, s)
	if t.Resume {
		r.settings, r.resume = s.resumable(), &resumption{}
	}
	if err := m.register(r); err != nil {
		return messages.ID{}, err
	}
	m.spawn(r)
	return r.id, nil
}

func (m *Manager) newRecord(id messages.ID, t *Target, s *settings) *record {
	if id.IsZero() {
		id = messages.NewID()
	}
	r := &record{m: m, id: id, target: t, settings: s}
	r.outbox.limits = &m.config.Outbox
	if t == nil {
		r.incarnation = 1
	}
	return r
}

// register makes r known.
func (m *Manager) register(r *record) error {
	r.mu.Lock()
	defer r.unlock()
	m.gate.RLock() // not held while events are told
	defer m.gate.RUnlock()
	switch {
	case m.stopping.Load():
		return messages.ErrShutdown
	case !m.table.add(r):
		return messages.ErrDuplicateID
	}
	r.become(messages.Connecting, nil)
	return nil
}

// spawn has the supervisor make r's actor. The supervisor outlives every
// connection that is not closed.
func (m *Manager) spawn(r *record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != messages.Closed {
		m.system.Root.Send(m.supervisor, spawn{r})
	}
}

// lookup finds a connection that is not closed.
func (m *Manager) lookup(id messages.ID) (*record, error) {
	if r := m.table.get(id); r != nil {
		return r, nil
	}
	if g := m.table.graves.find(id); g != nil {
		return nil, g.end
	}
	return nil, messages.ErrUnknownConnection
}

// recordOf finds the record of a connection actor, whose name ends in the ID.
func (m *Manager) recordOf(pid *actor.PID) *record {
	id, err := messages.ParseID(pid.Id[strings.LastIndexByte(pid.Id, '/')+1:])
	if err != nil {
		return nil
	}
	return m.table.get(id)
}

// Retry ends the wait of a connection in Backoff or Parked: it asks the
// governor for its next attempt at once. It returns nil also if the connection
// is Connecting or Open, or Detached, whose client alone can come back; and otherwise [messages.ErrClosed] or
// [messages.ErrUnknownConnection]. It does not block.
func (m *Manager) Retry(id messages.ID) error {
	r, err := m.lookup(id)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.state {
	case messages.Backoff, messages.Parked:
		r.hurry, r.next = true, m.now()
		m.system.Root.Send(m.supervisor, retry{r})
	case messages.Closing, messages.Closed:
		return messages.ErrClosed
	}
	return nil
}

// Info returns a snapshot of the connection. For one that is closed it
// returns both the last snapshot and the *[messages.CloseError], which
// matches [messages.ErrClosed].
func (m *Manager) Info(id messages.ID) (messages.Info, error) {
	if r := m.table.get(id); r != nil {
		return r.ending()
	}
	if g := m.table.graves.find(id); g != nil {
		return g.info, g.end
	}
	return messages.Info{}, messages.ErrUnknownConnection
}

// Connections returns a snapshot of each connection that is not closed, in no
// order. Each is taken when the iteration comes to it.
func (m *Manager) Connections() iter.Seq[messages.Info] {
	return func(yield func(messages.Info) bool) {
		for i := range shards {
			for _, r := range m.table.snapshot(i) {
				if info := r.info(); info.State != messages.Closed && !yield(info) {
					return
				}
			}
		}
	}
}

// Registry returns the PID that takes [messages.Send] within the manager's
// actor system. A request is answered with [messages.Sent]. The routing runs
// in the sender's goroutine and does not block.
func (m *Manager) Registry() *actor.PID { return m.registry }

// System returns the actor system that the registry's PID belongs to: send to
// it with System().Root. It is the manager's own and ends with it.
func (m *Manager) System() *actor.ActorSystem { return m.system }

// now is the monotonic clock; it starts at 1.
func (m *Manager) now() instant { return instant(time.Since(m.epoch)) + 1 }

// wall is the time of day at i.
func (m *Manager) wall(i instant) time.Time { return m.epoch.Add(time.Duration(i - 1)) }

// tell passes an event on. The embedder's panic is its own.
func (m *Manager) tell(e messages.Event) {
	defer func() {
		if p := recover(); p != nil {
			m.log.Error("OnEvent panicked", "cause", p)
		}
	}()
	m.config.OnEvent(e)
}

// stopActor has the supervisor stop r's actor for good. r's lock is held.
func (m *Manager) stopActor(r *record) {
	if r.pid != nil {
		m.system.Root.Send(m.supervisor, halt{r.pid})
		r.pid = nil
	}
}

// abort forgets a connection whose upgrade failed: it never came to be.
func (r *record) abort(err error) {
	r.mu.Lock()
	defer r.unlock()
	if r.state == messages.Closed { // by somebody, whom the handler hears of
		return
	}
	r.settings, r.aborted = &settings{}, true
	r.finish(&messages.CloseError{Code: 1006, Err: err})
}

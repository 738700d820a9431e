package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/tetherws/tether/messages"
)

// registry is the process behind the registry's PID. Like protoactor's
// routers it has no mailbox: it routes in the sender's goroutine, the same
// way that Manager.Send does.
type registry struct {
	m *Manager

	mu       sync.Mutex
	stopped  bool
	watchers actor.PIDSet
}

const registryName = "registry"

// SendUserMessage implements actor.Process.
func (g *registry) SendUserMessage(pid *actor.PID, message any) {
	_, msg, sender := actor.UnwrapEnvelope(message)
	send, ok := msg.(messages.Send)
	if !ok {
		g.m.log.Warn("registry got a message that it does not know")
		return
	}
	err := g.m.Send(send.ID, send.Message)
	if sender != nil {
		g.m.system.Root.Send(sender, messages.Sent{ID: send.ID, Err: err})
	} else if err != nil {
		g.m.log.Debug("not sent", "conn", send.ID, "cause", err)
	}
}

// SendSystemMessage implements actor.Process: those who watch the registry
// are told of its end.
func (g *registry) SendSystemMessage(pid *actor.PID, message any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch msg := message.(type) {
	case *actor.Watch:
		if g.stopped {
			g.terminated(pid, msg.Watcher)
			return
		}
		g.watchers.Add(msg.Watcher)
	case *actor.Unwatch:
		g.watchers.Remove(msg.Watcher)
	}
}

// Stop implements actor.Process. The registry ends with its manager only.
func (g *registry) Stop(*actor.PID) {}

func (g *registry) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
	g.watchers.ForEach(func(_ int, watcher *actor.PID) { g.terminated(g.m.registry, watcher) })
}

func (g *registry) terminated(who, watcher *actor.PID) {
	if process, ok := g.m.system.ProcessRegistry.Get(watcher); ok {
		process.SendSystemMessage(watcher, &actor.Terminated{Who: who})
	}
}

package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// mailbox is the mailbox of a connection actor. It does what protoactor's own
// unbounded one does, in a quarter of its memory: an idle connection's holds
// nothing, and a busy one's a signal or two.
type mailbox struct {
	invoker actor.MessageInvoker

	mu        sync.Mutex
	system    mail
	user      mail
	running   bool // a goroutine takes the messages
	suspended bool // user messages wait
}

func newMailbox() actor.Mailbox { return &mailbox{} }

// PostUserMessage implements actor.Mailbox.
func (m *mailbox) PostUserMessage(message any) { m.post(&m.user, message) }

// PostSystemMessage implements actor.Mailbox.
func (m *mailbox) PostSystemMessage(message any) { m.post(&m.system, message) }

// RegisterHandlers implements actor.Mailbox. Each run is a goroutine, as with
// the default dispatcher.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, _ actor.Dispatcher) {
	m.invoker = invoker
}

// Start implements actor.Mailbox.
func (m *mailbox) Start() {}

// UserMessageCount implements actor.Mailbox.
func (m *mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.user.len()
}

func (m *mailbox) post(to *mail, message any) {
	m.mu.Lock()
	to.push(message)
	start := !m.running && (to == &m.system || !m.suspended)
	m.running = m.running || start
	m.mu.Unlock()
	if start {
		go m.run()
	}
}

func (m *mailbox) run() {
	for m.deliver() {
	}
}

// deliver passes on what waits, system messages first. It reports true if a
// panic ended it early.
func (m *mailbox) deliver() (again bool) {
	var message any
	defer func() {
		if reason := recover(); reason != nil {
			m.invoker.EscalateFailure(reason, message)
			again = true
		}
	}()
	for {
		var system bool
		if message, system = m.next(); message == nil {
			return false
		}
		if system {
			m.control(message)
		} else {
			m.invoker.InvokeUserMessage(message)
		}
	}
}

// next takes the first message; nil ends the run.
func (m *mailbox) next() (message any, system bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if message = m.system.pop(); message != nil {
		return message, true
	}
	if !m.suspended {
		message = m.user.pop()
	}
	m.running = message != nil
	return message, false
}

func (m *mailbox) control(message any) {
	switch message.(type) {
	case *actor.SuspendMailbox:
		m.suspend(true)
	case *actor.ResumeMailbox:
		m.suspend(false)
	default:
		m.invoker.InvokeSystemMessage(message)
	}
}

func (m *mailbox) suspend(yes bool) {
	m.mu.Lock()
	m.suspended = yes
	m.mu.Unlock()
}

// mail is a queue that allocates only for a second message.
type mail struct {
	first any // nil: none
	rest  []any
}

func (q *mail) push(message any) {
	if q.first == nil {
		q.first = message
		return
	}
	q.rest = append(q.rest, message)
}

func (q *mail) pop() any {
	message := q.first
	q.first = nil
	if len(q.rest) > 0 {
		q.first, q.rest[0] = q.rest[0], nil
		q.rest = q.rest[1:]
		if len(q.rest) == 0 {
			q.rest = nil
		}
	}
	return message
}

func (q *mail) len() int {
	if q.first == nil {
		return 0
	}
	return 1 + len(q.rest)
}

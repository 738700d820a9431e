package actors

import (
	"errors"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

// connection is the actor of one connection and one incarnation. It alone
// writes to the socket, and never blocks but there, with a deadline. What
// outlives it is in the record, which it finds by its own name: so all
// connections share one Props.
type connection struct {
	m      *Manager
	record *record
	failed bool // it has told its supervisor, and is to be restarted or stopped
}

// Receive implements actor.Actor.
func (c *connection) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		c.start(ctx)
	case messages.Flush, messages.Tick, messages.Close:
		c.flush(ctx)
	case messages.Pong:
		c.confirm(ctx, msg)
	case messages.Failed:
		c.ended(ctx, msg)
	}
}

func (c *connection) start(ctx actor.Context) {
	c.record = c.m.recordOf(ctx.Self())
	if c.record == nil || !c.record.begin(ctx.Self()) {
		return
	}
	// What came before the actor was there.
	l, cause := c.record.failedEarly()
	if _, _, told := farewell(cause); cause == nil || told { // the answers to what the peer said before
		c.flush(ctx)
	}
	if cause != nil {
		c.fail(ctx, l.incarnation, cause)
	}
}

// flush writes a batch of what waits, and, when nothing is left, the close
// frame if one is asked for. The rest has a Flush of its own: a peer that reads
// slowly must not keep pongs and failures waiting in the mailbox.
func (c *connection) flush(ctx actor.Context) {
	if c.record == nil || c.failed {
		return
	}
	l, b := c.record.nextBatch()
	if b.beats {
		c.record.makeBeat(l, &b)
	}
	if l != nil && !b.empty() {
		sent, err := l.write(&b, c.m.config.WriteTimeout)
		c.record.settle(l, sent)
		if err != nil {
			if !c.record.hearsOut(l, err) {
				c.fail(ctx, l.incarnation, err)
			}
			return
		}
	}
	c.finishClosing()
}

func (c *connection) confirm(ctx actor.Context, pong messages.Pong) {
	if c.record == nil || c.failed {
		return
	}
	if c.record.confirm(pong) {
		c.flush(ctx)
	}
}

// finishClosing sends the close frame when nothing is left to wait for.
func (c *connection) finishClosing() {
	if l, code, reason := c.record.readyToClose(); l != nil {
		l.tell(code, reason)
	}
}

func (c *connection) ended(ctx actor.Context, msg messages.Failed) {
	if c.record != nil {
		c.fail(ctx, msg.Incarnation, msg.Err)
	}
}

// fail ends the incarnation for cause: the one place where a drop becomes the
// failure of this actor. The supervisor then restarts or stops it.
func (c *connection) fail(ctx actor.Context, incarnation uint64, cause error) {
	if c.failed || !c.record.current(incarnation) {
		return
	}
	l := c.record.socket()
	if l != nil {
		cause = c.record.reason(l, cause)
		if code, reason, ours := c.record.farewell(cause); ours {
			l.tell(code, reason)
		}
	}
	verdict, over := c.record.drop(incarnation, cause)
	if !over {
		return // an accepted client was told why, and has a moment to go
	}
	c.failed = true
	ctx.(actor.Supervisor).EscalateFailure(failure{directive: verdict, cause: cause}, ctx.Message())
}

// failure is what a connection actor fails with.
type failure struct {
	directive supervision.Directive
	cause     error
}

// farewell is what the peer is told about the end of a socket for cause. A
// socket that failed by itself is told nothing.
func farewell(cause error) (code int, reason string, ours bool) {
	var (
		peer      *messages.PeerCloseError
		violation *messages.ProtocolError
		handler   *messages.HandlerError
		callback  *callbackError
		end       quit
	)
	switch {
	case errors.Is(cause, messages.ErrTakenOver):
		return CloseTakenOver, "taken over", true
	case errors.As(cause, &end):
		return end.Code, end.Reason, true
	case errors.As(cause, &peer): // RFC 6455, section 5.5.1: the answer echoes the code
		return peer.Code, "", true
	case errors.As(cause, &violation):
		return violation.Code, violation.Err.Error(), true
	case errors.As(cause, &handler), errors.As(cause, &callback):
		return codeInternal, "", true
	}
	return 0, "", false
}

// farewell is what r's peer is told. It hears nothing of a fault of ours where
// we are to come back: it would take that for the end.
func (r *record) farewell(cause error) (code int, reason string, ours bool) {
	code, reason, ours = farewell(cause)
	if r.returns() && isOurs(cause) {
		return 0, "", false
	}
	return code, reason, ours
}

const codeInternal = 1011

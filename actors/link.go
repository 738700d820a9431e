package actors

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
)

// link is one socket of a connection, from the end of its handshake: what
// writes its frames, which is the actor's alone, what reads them, which is
// the reader's, and what is known of the peer's life, which is guarded by the
// record's lock.
type link struct {
	incarnation uint64
	subprotocol string
	wire        *wire
	sender      sender
	receiver    receiver

	rejoined bool // its peer goes on where the last socket ended

	ended   bool  // no longer the connection's; its reader is to leave
	left    bool  // its reader has left, and the socket is closed
	cause   error // why it was cut from outside; nil if it was not
	broken  error // why it can't be written to; nil if it can
	cancel  context.CancelFunc
	ctx     context.Context // made when first asked for
	told    atomic.Bool     // a close frame of ours has been written
	hearing bool            // the peer has said its last, and the handler still answers what came before
	gone    func()          // the embedder's, for the end of an accepted socket; nil: none

	rhythm
	confirmations

	answers []messages.Message // to the peer's application heartbeats
	pongs   pongs
}

// newLink takes over the wire of a handshake that gorilla made: its frames
// are read and written here.
func newLink(incarnation uint64, ws *websocket.Conn, w *wire, dialed bool, bits uint8) *link {
	w.shaking = false
	return &link{
		incarnation: incarnation, subprotocol: ws.Subprotocol(), wire: w,
		sender:   newSender(w.Conn, dialed, bits),
		receiver: receiver{wire: w, masked: !dialed, deflates: bits != 0},
	}
}

func (l *link) peer() string { return l.wire.RemoteAddr().String() }

func (l *link) context(r *record) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.ctx == nil {
		l.ctx, l.cancel = context.WithCancel(context.Background())
		if l.ended {
			l.cancel()
		}
	}
	return l.ctx
}

// end makes l a thing of the past. With linger the reader first drains what
// the peer still sends: closing over unread bytes would reset the connection,
// and our close frame with it. The record's lock is held.
func (l *link) end(linger bool) {
	if l.ended {
		return
	}
	l.ended = true
	if l.cancel != nil {
		l.cancel()
	}
	if !linger {
		l.wire.Close()
		return
	}
	l.wire.hangUp()
	l.wire.setReadDeadline(lingering)
}

// lingering is how long a peer that was told why may take to go.
const lingering = time.Second

// cut ends the socket from outside, for cause: its reader, also one that waits
// for the handler, and its writer fail at once. mu is held.
func (r *record) cut(l *link, cause error) {
	if l.ended {
		return
	}
	if l.cause == nil {
		l.cause = cause
	}
	l.wire.Close()
	r.inbox.interrupt()
}

// gone tells the embedder that an accepted socket is closed. Its panic is its own.
func (m *Manager) gone(l *link) {
	if l.gone == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			m.log.Error("Gone panicked", "cause", p)
		}
	}()
	l.gone()
}

// tell writes a close frame with the code and reason, within a second, unless
// one has been written. The actor calls it, or whoever has the socket alone.
func (l *link) tell(code int, reason string) {
	if l.told.Swap(true) {
		return
	}
	l.sender.begin(lingering)
	reason = reason[:min(len(reason), mostReason)] // ours, in ASCII, may be longer
	l.sender.frame(opClose, websocket.FormatCloseMessage(code, reason))
	_, _ = l.sender.flush() // the socket ends either way
}

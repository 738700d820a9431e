package actors

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
)

// Accept upgrades the request and holds the connection from then on; it does
// not stay for it. When an error returns, the request has been answered. The
// handler keeps nothing of r: its context has ended once Accept's caller
// returns.
//
// With Client.Resume a client may come back: then the ID is that of its
// connection, which keeps the handler, heartbeat, labels and window that it was
// accepted with. If another socket serves it, that one is closed first, which
// may take two seconds.
//
// Errors are [messages.ErrShutdown] (answered with 503),
// [messages.ErrDuplicateID] (409), [messages.ErrInvalid] for a bad Client
// (500) or a malformed return (400), and those of the handshake. A client that
// has come back too late, to find that the manager shuts down or its Client's
// ID is in use, is told 1001.
func (m *Manager) Accept(w http.ResponseWriter, r *http.Request, c Client) (messages.ID, error) {
	if err := c.validate(); err != nil {
		return refuse(w, http.StatusInternalServerError, err)
	}
	o, err := readOffer(r, c)
	if err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	if rec := m.recognise(o, c); rec != nil {
		return m.acceptAgain(w, r, c, o, rec)
	}
	rec := m.newClient(c, o)
	if err := m.register(rec); err != nil {
		return refuse(w, refusals[errors.Is(err, messages.ErrDuplicateID)], err)
	}
	err = errPanicked
	defer func() {
		if err != nil {
			rec.abort(err)
		}
	}()
	var l *link
	if l, err = m.upgrade(w, r, c, o); err != nil {
		return messages.ID{}, err
	}
	return m.hold(rec, l)
}

// acceptAgain accepts a client that comes back to rec.
func (m *Manager) acceptAgain(w http.ResponseWriter, r *http.Request, c Client, o offer, rec *record) (messages.ID, error) {
	l, err := m.upgrade(w, r, c, o)
	if err != nil {
		return messages.ID{}, err
	}
	if rec.comeBack(l, o, c.Owner) {
		return rec.id, nil
	}
	rec = m.newClient(c, o) // it came too late
	if err := m.register(rec); err != nil {
		rec.turnAway(l)
		return messages.ID{}, err
	}
	return m.hold(rec, l)
}

// newClient returns the record of a client that is new.
func (m *Manager) newClient(c Client, o offer) *record {
	rec := m.newRecord(c.ID, nil, m.acceptedSettings(c))
	if o.resumes {
		rec.settings = rec.settings.resumable()
		rec.resume = &resumption{window: c.Resume, owner: c.Owner, turn: make(chan struct{}, 1)}
	}
	return rec
}

// hold makes l the socket of rec.
func (m *Manager) hold(rec *record, l *link) (messages.ID, error) {
	if !rec.adopt(l) { // closed, or the manager was shut down, meanwhile
		rec.turnAway(l)
		return messages.ID{}, messages.ErrShutdown
	}
	m.spawn(rec)
	return rec.id, nil
}

// turnAway ends a socket that nobody wants any more.
func (r *record) turnAway(l *link) {
	l.tell(websocket.CloseGoingAway, "")
	r.refuse(l)
}

// ServeHTTP implements http.Handler: it is Accept with a zero Client.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, err := m.Accept(w, r, Client{}); err != nil {
		m.log.Debug("refused", "peer", r.RemoteAddr, "cause", err)
	}
}

var errPanicked = errors.New("the upgrade panicked")

var refusals = map[bool]int{true: http.StatusConflict, false: http.StatusServiceUnavailable}

func refuse(w http.ResponseWriter, status int, err error) (messages.ID, error) {
	http.Error(w, http.StatusText(status), status)
	return messages.ID{}, err
}

func (m *Manager) acceptedSettings(c Client) *settings {
	if c.Handler == nil && c.Heartbeat == nil && c.Labels == nil {
		return &m.accepted
	}
	return m.accepted.with(c.Handler, c.Heartbeat, nil, c.Labels)
}

func (m *Manager) upgrade(w http.ResponseWriter, r *http.Request, c Client, o offer) (*link, error) {
	var up websocket.Upgrader
	if c.Upgrader != nil {
		up = *c.Upgrader
	} else if m.config.Upgrader != nil {
		up = *m.config.Upgrader
	}
	if up.HandshakeTimeout == 0 {
		up.HandshakeTimeout = m.config.HandshakeTimeout
	}
	if c.Subprotocols != nil {
		up.Subprotocols = c.Subprotocols
	}
	if o.resumes {
		up.Subprotocols = []string{Resumption}
	}
	withBuffers(&up.ReadBufferSize, &up.WriteBufferSize, &up.WriteBufferPool)
	if err := checkUpgrade(&up, w, r); err != nil {
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	header, bits := compression(&up, r, c.Header)
	tapped := &tap{ResponseWriter: w, m: m}
	ws, err := up.Upgrade(tapped, r, header)
	if err != nil {
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	l := newLink(1, ws, tapped.wire, false, bits)
	l.gone = c.Gone
	return l, nil
}

// tap is a ResponseWriter whose hijacked connection passes through a wire.
type tap struct {
	http.ResponseWriter
	m    *Manager
	wire *wire
}

// Hijack implements http.Hijacker.
func (t *tap) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	t.wire = &wire{Conn: t.m.drillable(conn), now: t.m.now}
	return t.wire, rw, nil
}

// Unwrap lets an http.ResponseController see what is below.
func (t *tap) Unwrap() http.ResponseWriter { return t.ResponseWriter }

const handshakeBuffer = 256 // of gorilla's; it is not used for frames

var writeBuffers sync.Pool

// withBuffers has gorilla hold no buffer of its own for longer than the
// handshake.
func withBuffers(read, write *int, pool *websocket.BufferPool) {
	*read, *write = handshakeBuffer, handshakeBuffer
	*pool = &writeBuffers
}

package actors

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

// attempt is one try to open a dialed connection: it waits for the governor,
// asks for the request, dials, shakes hands and logs in. It ends in a link
// that the record adopts, or in a failure of the actor.
type attempt struct {
	record  *record
	about   messages.Attempt
	ctx     context.Context
	cancel  context.CancelFunc
	ticket  *supervision.Ticket
	settled sync.Once

	mu     sync.Mutex
	socket io.Closer // in the making; nil: none
	wire   *wire     // on it; nil before the handshake
	over   bool

	callback bool // it is in Request, Hello or Ready, and not in the dialer; guarded by the record's lock
}

// newAttempt begins an attempt. The record's lock is held.
func newAttempt(r *record) *attempt {
	a := &attempt{record: r, about: messages.Attempt{
		ID: r.id, Incarnation: r.incarnation, Number: r.failures.Attempt, Cause: r.cause,
	}}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	r.m.running.Add(1)
	a.ticket = r.m.governor.Enqueue(r.target.pool(r.id), a.run)
	return a
}

// stop gives the attempt up: a socket in the making is closed at once.
func (a *attempt) stop() {
	a.cancel()
	if a.ticket.Cancel() {
		a.record.m.running.Done()
	}
}

// run makes the attempt once the governor lets it.
func (a *attempt) run(permit *supervision.Permit) {
	defer a.record.m.running.Done()
	ctx, cancel := context.WithTimeout(a.ctx, a.record.m.config.HandshakeTimeout)
	defer cancel()
	defer a.cancel()
	// A callback that ignores its context must not hold the connection up,
	// nor the place at the governor's.
	abandoned := make(chan struct{})
	inTime := context.AfterFunc(ctx, func() {
		defer close(abandoned)
		a.settle(permit, a.abandon(ctx))
	})
	defer func() {
		if !inTime() {
			<-abandoned
		}
	}()
	l, err := a.open(ctx)
	if err == nil {
		err = a.handOver(l)
	}
	a.settle(permit, err)
}

// settle ends the attempt, with whatever comes first.
func (a *attempt) settle(permit *supervision.Permit, err error) {
	a.settled.Do(func() {
		if err != nil {
			a.record.hold(err) // or the place would go to the next in the pool
		}
		permit.Done(outcome(a.ctx, err))
		if err != nil {
			a.record.attemptFailed(a, err)
		}
	})
}

// giveUp closes the socket in the making, and any that is still to come.
func (a *attempt) giveUp() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	if a.socket != nil {
		_ = a.socket.Close()
	}
}

// abandon gives the attempt up when ctx has ended, and returns why.
func (a *attempt) abandon(ctx context.Context) error {
	a.giveUp()
	switch {
	case a.record.isCalling(a):
		return &messages.HandlerError{Err: messages.ErrHandlerStalled}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errHandshakeTimeout
	}
	return ctx.Err()
}

// handOver gives the open socket to the record, which may have moved on.
func (a *attempt) handOver(l *link) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over || !a.record.adopt(l) {
		a.record.refuse(l)
		return context.Canceled
	}
	a.socket = nil
	return nil
}

// open returns a socket that is ready for data. A panic is one of the
// embedder's dialer.
func (a *attempt) open(ctx context.Context) (l *link, err error) {
	defer func() {
		if p := recover(); p != nil {
			a.leave()
			a.giveUp()
			err = &messages.HandlerError{Err: &messages.PanicError{Value: p, Stack: debug.Stack()}}
		}
	}()
	url, header, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	ws, bits, err := a.dial(ctx, url, header)
	if err != nil {
		return nil, err
	}
	l = newLink(a.about.Incarnation, ws, a.wire, true, bits)
	if a.record.resume != nil {
		err = a.rejoin(l)
	}
	if err == nil {
		err = a.login(ctx, l)
	}
	if err != nil {
		if code, reason, ours := a.record.farewell(err); ours {
			l.tell(code, reason)
		}
		a.record.refuse(l)
		return nil, err
	}
	return l, nil
}

func (a *attempt) request(ctx context.Context) (url string, header http.Header, err error) {
	target := a.record.target
	if target.Request != nil {
		err = a.call(func() (err error) {
			url, header, err = target.Request(ctx, a.about)
			return err
		})
	}
	if url == "" {
		url = target.URL
	}
	if err == nil {
		_, err = parseURL(url)
	}
	return url, header, err
}

// dial shakes hands. Whatever the embedder's dialer does, its socket is
// wrapped into a wire.
func (a *attempt) dial(ctx context.Context, url string, header http.Header) (ws *websocket.Conn, bits uint8, err error) {
	d := a.record.m.dialer
	if own := a.record.target.Dialer; own != nil {
		d = *own
	}
	if a.record.resume != nil {
		d.Subprotocols = a.record.offers()
	}
	withBuffers(&d.ReadBufferSize, &d.WriteBufferSize, &d.WriteBufferPool)
	if err := a.tap(&d, url); err != nil {
		return nil, 0, err
	}
	if err := a.enter(false); err != nil {
		return nil, 0, err
	}
	ws, resp, err := d.DialContext(ctx, url, header)
	a.leave()
	if err != nil {
		return nil, 0, handshakeError(resp, err)
	}
	bits, err = checkAnswer(&d, header, resp.Header)
	if err == nil && a.record.resume != nil && ws.Subprotocol() != Resumption {
		err = errSubprotocol
	}
	if err != nil {
		_ = a.wire.Close()
		return nil, 0, &messages.HandshakeError{Status: resp.StatusCode, Err: err}
	}
	return ws, bits, nil
}

// outcome is what the governor is to learn from an attempt.
func outcome(ctx context.Context, err error) supervision.Outcome {
	var refused *messages.HandshakeError
	switch {
	case err == nil:
		return supervision.Answered
	case errors.As(err, &refused):
		switch refused.Status {
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return supervision.Failed
		}
		return supervision.Answered
	case ctx.Err() != nil, isOurs(err):
		return supervision.OursFailed
	}
	return supervision.Failed
}

// isOurs reports whether err is the fault of this side alone.
func isOurs(err error) bool {
	var (
		handler  *messages.HandlerError
		callback *callbackError
	)
	if errors.As(err, &handler) || errors.As(err, &callback) || errors.Is(err, messages.ErrInvalid) {
		return true
	}
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// handshakeError says what a failed dial is: an answer that was no upgrade,
// or a network error.
func handshakeError(resp *http.Response, err error) error {
	if resp == nil {
		return err
	}
	return &messages.HandshakeError{
		Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()), Err: err,
	}
}

// retryAfter reads the header in either of its forms (RFC 9110, section
// 10.2.3); 0 if it has neither.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil { // more would overflow, and is not sensible
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

var (
	errDialing          = errors.New("an earlier dial has not returned")
	errHandshakeTimeout = &net.OpError{Op: "handshake", Net: "websocket", Err: context.DeadlineExceeded}
)

// defaultDialer is what dials for a Target that has no Dialer.
func defaultDialer() websocket.Dialer {
	return websocket.Dialer{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
}

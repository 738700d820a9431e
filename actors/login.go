package actors

import (
	"context"
	"errors"

	"github.com/tetherws/tether/messages"
)

// login writes what Hello returns and reads until Ready is content. The
// attempt's goroutine has the socket to itself until then.
func (a *attempt) login(ctx context.Context, l *link) error {
	if err := a.hello(ctx, l); err != nil {
		return err
	}
	if a.record.target.Ready == nil {
		return nil
	}
	for {
		opcode, payload, err := l.receiver.next(a.record.settings.readLimit)
		if err != nil {
			return err
		}
		switch opcode {
		case opPing:
			err = a.write(l, &batch{pongs: pongs{}.add(payload)})
		case opClose:
			err = parseClose(payload)
		case opPong:
		default:
			var ready bool
			if ready, err = a.ready(l, messages.Message{Kind: messages.Kind(opcode), Data: payload}); ready && err == nil {
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
}

func (a *attempt) write(l *link, b *batch) error {
	b.data = &list{}
	_, err := l.write(b, a.record.m.config.WriteTimeout)
	return err
}

func (a *attempt) hello(ctx context.Context, l *link) (err error) {
	if a.record.target.Hello == nil {
		return nil
	}
	var hello []messages.Message
	err = a.call(func() (err error) {
		hello, err = a.record.target.Hello(ctx, Conn{a.record, l})
		return err
	})
	for _, msg := range hello {
		err = errors.Join(err, validate(msg))
	}
	if err != nil {
		return err
	}
	if a.record.resume != nil {
		l.written = uint64(len(hello)) // the server counts them with the data
	}
	return a.write(l, &batch{answers: hello})
}

// ready shows msg to Ready. The peer's application heartbeat is answered, as
// it will be once the connection is open.
func (a *attempt) ready(l *link, msg messages.Message) (ready bool, err error) {
	r := a.record
	r.mu.Lock()
	r.received(msg)
	r.mu.Unlock()
	var (
		answer messages.Message
		beat   bool
	)
	err = a.call(func() (err error) {
		if reply := r.settings.heartbeat.Reply; reply != nil {
			answer, beat = reply(msg)
		}
		if !beat {
			ready, err = r.target.Ready(msg)
		}
		return err
	})
	if err == nil && beat {
		err = a.write(l, &batch{answers: []messages.Message{answer}})
	}
	return ready, err
}

// call runs the embedder's f and says what kind of failure its error is.
func (a *attempt) call(f func() error) (err error) {
	if err := a.enter(true); err != nil {
		return err
	}
	defer a.leave()
	defer func() {
		if p := recover(); p != nil {
			err = &messages.HandlerError{Err: &messages.PanicError{Value: p}}
		}
	}()
	if err = f(); err == nil {
		return nil
	}
	var end *messages.CloseError
	if errors.As(err, &end) {
		if code, bad := closeCode(end.Code, end.Reason); bad == nil {
			return quit{&messages.CloseError{Code: code, Reason: end.Reason, Err: end.Err}}
		}
		return &messages.HandlerError{Err: err}
	}
	return &callbackError{err}
}

// enter marks that the embedder's code runs, a callback or its dialer. It fails
// while that of an earlier attempt, which was given up, has not returned: calls
// are serial, and a stuck one gathers no others.
func (a *attempt) enter(callback bool) error {
	a.record.mu.Lock()
	defer a.record.mu.Unlock()
	switch stuck := a.record.calling; {
	case stuck == nil:
	case stuck.callback:
		return &messages.HandlerError{Err: messages.ErrHandlerStalled}
	default:
		return &callbackError{errDialing}
	}
	a.record.calling, a.callback = a, callback
	return nil
}

func (a *attempt) leave() {
	a.record.mu.Lock()
	defer a.record.mu.Unlock()
	if a.record.calling == a {
		a.record.calling = nil
	}
}

// callbackError is a failure of the embedder's Request, Hello or Ready, to
// be judged by what it wraps.
type callbackError struct{ error }

func (e *callbackError) Unwrap() error { return e.error }

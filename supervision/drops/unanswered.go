package drops

import (
	"context"
	"errors"
)

// Unanswered is a host that packets don't reach: the dial blocks until its
// context has ended, and fails with a *net.OpError as package net's does. It
// matches the context's error, and is a Timeout if that was its deadline.
type Unanswered struct{}

// Fail implements DialFault.
func (Unanswered) Fail(ctx context.Context, network, addr string) error {
	<-ctx.Done()
	return dialError(network, addr, dialEnded{ctx.Err()})
}

func (Unanswered) String() string { return "unanswered" }

// dialEnded is a context's error in the words of package net.
type dialEnded struct{ cause error }

func (e dialEnded) Error() string {
	if e.Timeout() {
		return "i/o timeout"
	}
	return "operation was canceled"
}

func (e dialEnded) Unwrap() error   { return e.cause }
func (e dialEnded) Timeout() bool   { return errors.Is(e.cause, context.DeadlineExceeded) }
func (e dialEnded) Temporary() bool { return e.Timeout() }

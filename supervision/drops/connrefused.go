package drops

import (
	"context"
	"os"
	"syscall"
)

// ConnRefused is a host at which nobody listens: the dial fails at once, with
// a *net.OpError that matches syscall.ECONNREFUSED.
type ConnRefused struct{}

// Fail implements DialFault.
func (ConnRefused) Fail(_ context.Context, network, addr string) error {
	return dialError(network, addr, os.NewSyscallError("connect", syscall.ECONNREFUSED))
}

func (ConnRefused) String() string { return "conn-refused" }

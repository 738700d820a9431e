package drops

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// end is one end of an in-memory connection.
type end struct {
	in, out       *pipe
	local, remote address
	closed        atomic.Bool
}

// newEnds returns both ends of a connection.
func newEnds(buffer int, dialed, accepted address) (*end, *end) {
	up, down := &pipe{limit: buffer}, &pipe{limit: buffer}
	return &end{in: down, out: up, local: dialed, remote: accepted},
		&end{in: up, out: down, local: accepted, remote: dialed}
}

func (e *end) Read(b []byte) (int, error) {
	n, err := e.in.read(b)
	return n, opError("read", e, err)
}

func (e *end) Write(b []byte) (int, error) {
	n, err := e.out.write(b)
	return n, opError("write", e, err)
}

// Close ends the stream with FIN, or with RST when bytes are left unread.
func (e *end) Close() error {
	if e.closed.Swap(true) {
		return opError("close", e, net.ErrClosed)
	}
	last := io.EOF
	if e.in.closeRead() {
		last = syscall.ECONNRESET
	}
	e.out.closeWrite(last, net.ErrClosed)
	return nil
}

// CloseWrite sends FIN and leaves the other direction as it is.
func (e *end) CloseWrite() error {
	if e.closed.Load() {
		return opError("close", e, net.ErrClosed)
	}
	e.out.closeWrite(io.EOF, syscall.EPIPE)
	return nil
}

// abort ends both directions with RST. What this end has written and the peer
// has not read is lost unless keep says otherwise.
func (e *end) abort(keep bool) {
	e.in.reset(false)
	e.out.reset(keep)
}

func (e *end) LocalAddr() net.Addr  { return e.local }
func (e *end) RemoteAddr() net.Addr { return e.remote }

func (e *end) SetDeadline(t time.Time) error {
	return errors.Join(e.SetReadDeadline(t), e.SetWriteDeadline(t))
}

func (e *end) SetReadDeadline(t time.Time) error {
	if e.closed.Load() {
		return opError("set", e, net.ErrClosed)
	}
	e.in.setReadDeadline(t)
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	if e.closed.Load() {
		return opError("set", e, net.ErrClosed)
	}
	e.out.setWriteDeadline(t)
	return nil
}

// address is a host and port of the in-memory network.
type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// opError dresses err as package net does; nil and io.EOF stay as they are.
func opError(op string, c net.Conn, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = os.NewSyscallError(op, errno)
	}
	remote := c.RemoteAddr()
	return &net.OpError{Op: op, Net: remote.Network(), Source: c.LocalAddr(), Addr: remote, Err: err}
}

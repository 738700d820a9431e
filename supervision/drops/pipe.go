package drops

import (
	"net"
	"os"
	"syscall"
	"time"
)

// pipe is one direction of an in-memory connection: a bounded queue of bytes.
// Idle, it holds no buffer.
type pipe struct {
	monitor
	limit int
	queue []byte // written and not yet read

	readDeadline, writeDeadline time.Time

	readClosed bool
	end        error // what the reader gets after the queue; nil while more may come
	refusal    error // what the writer gets; nil while it may write
}

func (p *pipe) read(b []byte) (int, error) {
	p.Lock()
	defer p.Unlock()
	for {
		switch {
		case p.readClosed:
			return 0, net.ErrClosed
		case passed(p.readDeadline):
			return 0, os.ErrDeadlineExceeded
		case len(p.queue) > 0 || len(b) == 0:
			return p.take(b), nil
		case p.end != nil:
			return 0, p.end
		}
		p.wait(p.readDeadline)
	}
}

func (p *pipe) take(b []byte) int {
	n := copy(b, p.queue)
	p.queue = p.queue[n:]
	if len(p.queue) == 0 {
		p.queue = nil
	}
	p.cond.Broadcast()
	return n
}

// write blocks until all of b is queued. Like the kernel, it may have queued
// a part of b when it fails.
func (p *pipe) write(b []byte) (n int, err error) {
	p.Lock()
	defer p.Unlock()
	for {
		switch {
		case p.refusal != nil:
			return n, p.refusal
		case passed(p.writeDeadline):
			return n, os.ErrDeadlineExceeded
		}
		n += p.put(b[n:])
		if n == len(b) {
			return n, nil
		}
		p.wait(p.writeDeadline)
	}
}

func (p *pipe) put(b []byte) int {
	n := min(len(b), p.limit-len(p.queue))
	if n > 0 {
		p.queue = append(p.queue, b[:n]...)
		p.cond.Broadcast()
	}
	return n
}

func (p *pipe) setReadDeadline(t time.Time) {
	p.Lock()
	defer p.Unlock()
	p.readDeadline = t
	p.cond.Broadcast()
}

func (p *pipe) setWriteDeadline(t time.Time) {
	p.Lock()
	defer p.Unlock()
	p.writeDeadline = t
	p.cond.Broadcast()
}

// closeRead is the reader's Close. It reports whether bytes were left unread:
// TCP answers that with a reset.
func (p *pipe) closeRead() (unread bool) {
	p.Lock()
	defer p.Unlock()
	unread = len(p.queue) > 0
	p.readClosed, p.queue = true, nil
	p.refusal = syscall.EPIPE
	p.cond.Broadcast()
	return unread
}

// closeWrite ends the stream: the reader gets end after the queue, the writer
// gets refusal.
func (p *pipe) closeWrite(end, refusal error) {
	p.Lock()
	defer p.Unlock()
	if p.end == nil {
		p.end = end
	}
	p.refusal = refusal
	p.cond.Broadcast()
}

// reset ends the stream for both, and drops the queue unless it is to be kept
// for the reader.
func (p *pipe) reset(keep bool) {
	p.Lock()
	defer p.Unlock()
	if !keep {
		p.queue = nil
	}
	p.end, p.refusal = syscall.ECONNRESET, syscall.ECONNRESET
	p.cond.Broadcast()
}

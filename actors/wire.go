package actors

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

// wire is the net.Conn that a handshake is made on and that frames are then
// read from. It stamps what arrives.
type wire struct {
	net.Conn // with its TLS, if it has any
	now      func() instant

	life atomic.Int64 // the instant at which bytes last arrived; 0: none since the opening

	shaking bool   // a handshake of ours is under way
	rest    []byte // was read and not yet asked for
}

// Read hands out one byte at a time during a handshake of ours: gorilla
// reads it through a buffer, and what the server sends right behind its
// answer must not end in there, where nobody can reach it.
func (w *wire) Read(p []byte) (int, error) {
	if w.shaking && len(w.rest) == 0 {
		buf := make([]byte, 512)
		n, err := w.receive(buf)
		if w.rest = buf[:n]; n == 0 {
			return 0, err
		}
	}
	if len(w.rest) == 0 {
		return w.receive(p)
	}
	if w.shaking {
		p = p[:min(1, len(p))]
	}
	n := copy(p, w.rest)
	if w.rest = w.rest[n:]; len(w.rest) == 0 {
		w.rest = nil
	}
	return n, nil
}

func (w *wire) receive(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.life.Store(int64(w.now()))
	}
	return n, err
}

// Close closes the connection below any TLS, and so never blocks: a write that
// is under way ends at once.
func (w *wire) Close() error {
	raw := w.raw()
	err := raw.Close()
	if upper, ok := w.Conn.(*drops.Conn); ok && raw != w.Conn {
		_ = upper.Close() // its timers end, and TLS can't say goodbye any more
	}
	return err
}

// hangUp ends our half, so that what was written arrives before the end.
func (w *wire) hangUp() {
	if half, ok := w.raw().(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// raw is the connection below any TLS.
func (w *wire) raw() net.Conn {
	if secure, ok := undrilled(w.Conn).(*tls.Conn); ok {
		return secure.NetConn()
	}
	return w.Conn
}

// setReadDeadline bounds the reads that are to come.
func (w *wire) setReadDeadline(d time.Duration) { _ = w.SetReadDeadline(time.Now().Add(d)) }

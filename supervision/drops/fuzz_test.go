package drops_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

// FuzzPipe runs writes, reads, half-closes and closes, chosen by the input,
// against a queue of bytes: what is read is what was written, in its order,
// and each call that can't go on fails as it must.
func FuzzPipe(f *testing.F) {
	f.Add(uint8(0), []byte{})
	f.Add(uint8(7), []byte{0, 5, 1, 3, 0, 9, 1, 20, 2, 0, 1, 9, 1, 9})
	f.Add(uint8(3), []byte{0, 200, 1, 2, 3, 0, 0, 1})
	f.Add(uint8(50), []byte{0, 9, 4, 0, 0, 9, 1, 9})
	f.Add(uint8(2), []byte{2, 0, 0, 0}) // nothing written after a half-close
	f.Fuzz(func(t *testing.T, buffer uint8, ops []byte) {
		synctest.Test(t, func(t *testing.T) {
			n := drops.NewNetwork()
			n.Buffer = int(buffer) + 1
			w := dialMemory(t, n)
			m := model{w: w, r: w.Other(), room: n.Buffer}
			for ; len(ops) >= 2; ops = ops[2:] {
				m.step(t, ops[0], int(ops[1]))
			}
		})
	})
}

// model is the reference: w writes, r reads.
type model struct {
	w, r             *drops.Conn
	room             int
	queue            []byte
	next             byte
	fin, wEnd, rGone bool
}

func (m *model) step(t *testing.T, op byte, size int) {
	t.Helper()
	deadline := time.Now().Add(time.Second)
	_ = m.w.SetWriteDeadline(deadline)
	_ = m.r.SetReadDeadline(deadline)
	switch op % 5 {
	case 0:
		m.write(t, size)
	case 1:
		m.read(t, size)
	case 2:
		if err := m.w.CloseWrite(); (err != nil) != m.wEnd {
			t.Fatalf("CloseWrite: %v", err)
		}
		m.fin = true
	case 3:
		if err := m.w.Close(); (err != nil) != m.wEnd {
			t.Fatalf("Close of the writer: %v", err)
		}
		m.fin, m.wEnd = true, true
	case 4:
		if err := m.r.Close(); (err != nil) != m.rGone {
			t.Fatalf("Close of the reader: %v", err)
		}
		m.queue, m.rGone = nil, true
	}
}

func (m *model) write(t *testing.T, size int) {
	t.Helper()
	b := make([]byte, size)
	for i := range b {
		b[i] = m.next + byte(i)
	}
	wantN, want := min(size, m.room-len(m.queue)), error(nil)
	switch {
	case m.wEnd:
		wantN, want = 0, net.ErrClosed
	case m.fin || m.rGone:
		wantN, want = 0, syscall.EPIPE
	}
	n, err := m.w.Write(b)
	if n != wantN || want != nil && !errors.Is(err, want) || want == nil && (err != nil) != (n < size) || want == nil && err != nil && !isTimeout(err) {
		t.Fatalf("Write of %d = %d, %v; want %d, %v", size, n, err, wantN, want)
	}
	m.queue = append(m.queue, b[:n]...)
	m.next += byte(n)
}

func (m *model) read(t *testing.T, size int) {
	t.Helper()
	b := make([]byte, size)
	n, err := m.r.Read(b)
	wantN := min(size, len(m.queue))
	ok := err == nil
	switch {
	case m.rGone:
		ok = errors.Is(err, net.ErrClosed)
	case size == 0 || wantN > 0:
	case m.fin:
		ok = errors.Is(err, io.EOF)
	default:
		ok = isTimeout(err)
	}
	if !ok || n != wantN || !bytes.Equal(b[:n], m.queue[:n]) {
		t.Fatalf("Read of %d = %x, %v; want %x", size, b[:n], err, m.queue[:wantN])
	}
	m.queue = m.queue[n:]
}

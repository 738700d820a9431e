package drops_test

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

// FuzzFaults writes and reads both ways while faults that lose nothing come
// and are healed: what is read is what was written, in its order; nothing
// passes a silence; and in the end all is read, and then the FIN.
func FuzzFaults(f *testing.F) {
	f.Add(uint16(0), []byte{0, 9, 2, 0, 0, 9, 1, 200, 4, 0, 1, 200})
	f.Add(uint16(999), []byte{0, 250, 2, 0, 0, 250, 8, 0, 7, 9, 1, 250, 4, 0, 1, 255})
	f.Add(uint16(100), []byte{3, 0, 0, 50, 1, 50, 5, 20, 0, 200, 7, 3, 1, 30, 9, 0, 128, 40, 129, 40, 4, 0, 129, 40})
	f.Add(uint16(9), []byte{6, 0, 0, 3, 134, 0, 1, 2, 5, 1, 0, 255, 7, 255, 2, 0, 1, 255, 10, 0, 4, 0, 1, 255})
	f.Fuzz(func(t *testing.T, buffer uint16, ops []byte) {
		synctest.Test(t, func(t *testing.T) {
			n := drops.NewNetwork()
			n.Buffer = int(buffer) + 1
			c := dialMemory(t, n)
			up, down := &lane{w: c, r: c.Other()}, &lane{w: c.Other(), r: c}
			up.back, down.back = down, up
			for ops = ops[:min(len(ops), 200)]; len(ops) >= 2; ops = ops[2:] {
				l := up
				if ops[0] >= 128 {
					l = down
				}
				l.step(t, ops[0], int(ops[1]))
			}
			up.finish(t)
			down.finish(t)
		})
	})
}

// lane is one direction of a connection, and what is known of it.
type lane struct {
	w, r *drops.Conn
	back *lane

	unread    []byte // accepted by w, and not read yet
	held      int    // how many of them at least a silence of w holds back
	next      byte
	mute, fin bool // w is silent outwards, has ended
	deaf      bool // r is silent inwards
}

func (l *lane) step(t *testing.T, op byte, arg int) {
	t.Helper()
	var f drops.Fault
	switch op % 11 {
	case 0:
		l.write(t, arg*40)
		return
	case 1:
		l.read(t, arg*40)
		return
	case 2:
		f, l.mute = drops.Silence{Out: true}, true
	case 3:
		f, l.deaf = drops.Silence{In: true}, true
		if err := f.Inject(l.r); err != nil {
			t.Fatal(err)
		}
		return
	case 4:
		l.heal()
		return
	case 5:
		f = drops.Slow{Latency: time.Duration(arg) * time.Millisecond, Jitter: 5, Bandwidth: arg << 10, Seed: uint64(arg)}
	case 6:
		f = drops.Bytewise{}
	case 7:
		time.Sleep(time.Duration(arg) * time.Millisecond)
		return
	case 8:
		f, l.fin = drops.FIN{}, true
	case 9:
		f, l.mute, l.back.deaf = drops.Silence{}, true, true
	case 10:
		f, l.back.deaf = drops.Stall{}, true
	}
	if err := f.Inject(l.w); err != nil {
		t.Fatalf("%v: %v", f, err)
	}
}

// heal is of w, and so of the reads that go the other way.
func (l *lane) heal() {
	l.w.Heal()
	l.mute, l.held, l.back.deaf = false, 0, false
}

func (l *lane) write(t *testing.T, size int) {
	t.Helper()
	b := make([]byte, size)
	for i := range b {
		b[i] = l.next + byte(i)
	}
	_ = l.w.SetWriteDeadline(time.Now().Add(time.Second))
	n, err := l.w.Write(b)
	if l.fin && !errors.Is(err, syscall.EPIPE) || !l.fin && n < size && !isTimeout(err) || !l.fin && n == size && err != nil {
		t.Fatalf("Write of %d = %d, %v", size, n, err)
	}
	l.next += byte(n)
	l.unread = append(l.unread, b[:n]...)
	if l.mute {
		l.held += n
	}
}

func (l *lane) read(t *testing.T, size int) {
	t.Helper()
	_ = l.r.SetReadDeadline(time.Now().Add(time.Second))
	b := make([]byte, size)
	n, err := l.r.Read(b)
	most := len(l.unread) - l.held
	if l.deaf {
		most = 0
	}
	switch {
	case n > most || !bytes.Equal(b[:n], l.unread[:n]):
		t.Fatalf("read %x of %x, of which %d may come", b[:n], l.unread, most)
	case errors.Is(err, io.EOF):
		if !l.fin || len(l.unread) > 0 {
			t.Fatalf("io.EOF before %d bytes", len(l.unread))
		}
	case err != nil && !isTimeout(err):
		t.Fatal(err)
	}
	l.unread = l.unread[n:]
}

// finish reads all that is left.
func (l *lane) finish(t *testing.T) {
	t.Helper()
	l.heal()
	l.back.heal()
	if err := l.w.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	_ = l.r.SetReadDeadline(time.Time{})
	if rest, err := io.ReadAll(l.r); err != nil || !bytes.Equal(rest, l.unread) {
		t.Fatalf("read %d bytes, %v; want %d", len(rest), err, len(l.unread))
	}
}

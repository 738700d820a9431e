package drops_test

import (
	"io"
	"syscall"
	"testing"

	"github.com/tetherws/tether/supervision/drops"
)

func TestFINEndsOneHalf(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		wantWrite(t, p.dialed, "last")
		wantInject(t, drops.FIN{}, p.dialed)
		wantWriteError(t, p.dialed, syscall.EPIPE)
		wantRead(t, p.accepted, "last")
		wantReadError(t, p.accepted, io.EOF)
		wantWrite(t, p.accepted, "answer")
		wantRead(t, p.dialed, "answer")
	})
}

func TestFINReleasesAWriteThatIsBlocked(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		write := goWrite(p.dialed, make([]byte, huge))
		p.blocked(t, "Write")
		wantInject(t, drops.FIN{}, p.dialed)
		if got := <-write; got.n == huge || got.err == nil {
			t.Errorf("wrote %d, %v", got.n, got.err)
		}
	})
}

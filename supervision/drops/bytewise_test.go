package drops_test

import (
	"testing"
	"testing/synctest"

	"github.com/tetherws/tether/supervision/drops"
)

func TestBytewiseSplitsReadsAndWrites(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		inner := &sizes{Conn: p.dialed}
		c := drops.Wrap(inner)
		wantInject(t, drops.Bytewise{}, c)
		wantWrite(t, c, "abc")
		wantRead(t, p.accepted, "abc")
		wantWrite(t, p.accepted, "def")
		wantRead(t, c, "def")
		c.Heal()
		wantWrite(t, c, "whole")
		wantRead(t, p.accepted, "whole")
		wantWrite(t, p.accepted, "whole")
		wantRead(t, c, "whole")
		for _, got := range [][]int{inner.written, inner.read} {
			if len(got) != 4 || got[0] != 1 || got[1] != 1 || got[2] != 1 || got[3] != 5 {
				t.Errorf("sizes %v", got)
			}
		}
	})
}

func TestHealingBytewiseReachesAWriteUnderWay(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		inner := &sizes{Conn: p.dialed}
		c := drops.Wrap(inner)
		wantInject(t, drops.Bytewise{}, c)
		write := goWrite(c, make([]byte, 100<<10)) // more than the buffer
		synctest.Wait()
		c.Heal()
		wantRead(t, p.accepted, string(make([]byte, 100<<10)))
		if got := <-write; got.n != 100<<10 || got.err != nil {
			t.Errorf("wrote %d, %v", got.n, got.err)
		}
		if last := inner.written[len(inner.written)-1]; last == 1 {
			t.Error("the rest came byte by byte")
		}
	})
}

// sizes notes how much each call is given.
type sizes struct {
	*drops.Conn
	read, written []int
}

func (s *sizes) Read(b []byte) (int, error) {
	s.read = append(s.read, len(b))
	return s.Conn.Read(b)
}

func (s *sizes) Write(b []byte) (int, error) {
	s.written = append(s.written, len(b))
	return s.Conn.Write(b)
}

func TestBytewiseLosesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		wantInject(t, drops.Bytewise{}, p.dialed)
		wantInject(t, drops.Bytewise{}, p.accepted)
		text := string(repeat('x', 5000))
		write := goWrite(p.dialed, []byte(text))
		wantRead(t, p.accepted, text)
		if got := <-write; got.n != len(text) || got.err != nil {
			t.Errorf("wrote %d, %v", got.n, got.err)
		}
	})
}

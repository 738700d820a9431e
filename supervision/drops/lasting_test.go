package drops_test

import (
	"errors"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

// lasting are the faults that last, and how to see that they do: obstructed
// says whether a fault is in force at p.dialed.
var lasting = []struct {
	fault      drops.Fault
	obstructed func(t *testing.T, p pair) bool
}{
	{drops.Silence{}, silentOut},
	{drops.Silence{}, silentIn},
	{drops.Silence{In: true}, silentIn},
	{drops.Silence{Out: true}, silentOut},
	{drops.Stall{}, silentIn},
	{drops.Slow{Latency: 24 * time.Hour}, silentOut},
	{drops.Pongs{}, withoutPongs},
	{drops.Pongs{Late: 24 * time.Hour}, withoutPongs},
	{drops.Bytewise{}, split},
	{drops.Torn{FIN: true}, nil},
}

func silentOut(t *testing.T, p pair) bool {
	wantWrite(t, p.dialed, "x")
	return comesNot(p.accepted)
}

func silentIn(t *testing.T, p pair) bool {
	wantWrite(t, p.accepted, "x")
	return comesNot(p.dialed)
}

func withoutPongs(t *testing.T, p pair) bool {
	wantWrite(t, p.dialed, wireFrame{finBit | pongOp, true, ""}.encode())
	return comesNot(p.accepted)
}

func split(t *testing.T, p pair) bool {
	wantWrite(t, p.accepted, "xx")
	n, _ := p.dialed.Read(make([]byte, 2))
	return n == 1
}

// comesNot takes no time: whatever comes has come.
func comesNot(c *drops.Conn) bool {
	synctest.Wait()
	_ = c.SetReadDeadline(time.Now().Add(1))
	defer c.SetReadDeadline(time.Time{})
	n, _ := c.Read(make([]byte, 1024))
	return n == 0
}

func TestInjectForHealsInTime(t *testing.T) {
	for _, c := range lasting {
		t.Run(c.fault.String(), func(t *testing.T) {
			onMemory(t, func(t *testing.T, p pair) {
				open(t, p)
				if err := p.dialed.InjectFor(c.fault, time.Minute); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute - 10)
				if c.obstructed == nil { // armed
					time.Sleep(11)
					wantWrite(t, p.dialed, "whole")
					wantRead(t, p.accepted, "whole")
					return
				}
				if !c.obstructed(t, p) {
					t.Error("healed too early")
				}
				time.Sleep(11)
				_ = comesNot(p.accepted) || comesNot(p.dialed)
				if c.obstructed(t, p) {
					t.Error("not healed")
				}
			})
		})
	}
}

func TestInjectForWithoutATimeLasts(t *testing.T) {
	for _, d := range []time.Duration{0, -1} {
		onMemory(t, func(t *testing.T, p pair) {
			_ = p.dialed.InjectFor(drops.Silence{}, time.Minute)
			_ = p.dialed.InjectFor(drops.Silence{}, d)
			time.Sleep(time.Hour)
			if !silentOut(t, p) {
				t.Error("healed")
			}
			p.dialed.Heal()
			if silentOut(t, p) {
				t.Error("not healed")
			}
		})
	}
}

func TestOneFaultAtATimeLasts(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		start := time.Now()
		_ = p.dialed.InjectFor(drops.Silence{}, time.Minute)
		wantWrite(t, p.dialed, "held")
		time.Sleep(30 * time.Second)
		_ = p.dialed.InjectFor(drops.Silence{In: true}, time.Minute)
		wantReadAt(t, p.accepted, "held", start, 30*time.Second)
		wantWrite(t, p.accepted, "withheld")
		wantReadAt(t, p.dialed, "withheld", start, 90*time.Second)
	})
}

// A heal or a fault may come at the very moment at which an earlier one ends.
func TestAnEarlierFaultsTimeDoesNotHealALaterOne(t *testing.T) {
	for range 300 {
		onMemory(t, func(t *testing.T, p pair) {
			_ = p.dialed.InjectFor(drops.Stall{}, time.Minute)
			time.AfterFunc(time.Minute, func() { _ = p.dialed.InjectFor(drops.Silence{}, time.Hour) })
			time.Sleep(2 * time.Minute)
			if !silentOut(t, p) {
				t.Fatal("healed too early")
			}
		})
	}
}

func TestInjectForAMomentFromEverywhere(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		open(t, p)
		var users sync.WaitGroup
		for _, f := range []drops.Fault{drops.Silence{}, drops.Stall{}, drops.Slow{Latency: 1, Jitter: 100}, drops.Pongs{Late: 1}, drops.Bytewise{}} {
			users.Go(func() {
				for range 200 {
					if err := p.dialed.InjectFor(f, 1); err != nil {
						t.Error(err)
					}
				}
			})
		}
		users.Wait()
		p.dialed.Heal()
		wantWrite(t, p.dialed, "healthy")
		wantRead(t, p.accepted, "healthy")
	})
}

func TestHealEndsATimeAndCloseToo(t *testing.T) {
	for name, end := range map[string]func(c *drops.Conn){
		"heal":  (*drops.Conn).Heal,
		"close": func(c *drops.Conn) { _ = c.Close() },
		"reset": func(c *drops.Conn) { _ = drops.Reset{}.Inject(c) },
		"leave": func(c *drops.Conn) { _ = drops.CloseCode{Leave: true}.Inject(c) },
	} {
		t.Run(name, func(t *testing.T) {
			onMemory(t, func(t *testing.T, p pair) {
				open(t, p)
				_ = p.dialed.InjectFor(drops.Stall{}, time.Minute)
				end(p.dialed)
				_ = drops.Silence{}.Inject(p.dialed)
				time.Sleep(time.Hour)
				if name == "heal" && !silentOut(t, p) {
					t.Error("healed by a time that is over")
				}
			})
		})
	}
}

// halting is a fault whose injection takes until it is released.
type halting struct{ begun, release chan struct{} }

func (h halting) Inject(*drops.Conn) error {
	close(h.begun)
	<-h.release
	return nil
}

func (halting) String() string { return "halting" }

func TestOfTwoFaultsAtOnceTheLaterOnesTimeCounts(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		first := halting{make(chan struct{}), make(chan struct{})}
		var injecting sync.WaitGroup
		injecting.Go(func() { _ = p.dialed.InjectFor(first, time.Hour) })
		<-first.begun
		injecting.Go(func() { _ = p.dialed.InjectFor(drops.Stall{}, time.Second) })
		for range 100 {
			runtime.Gosched()
		}
		close(first.release)
		injecting.Wait()
		wantWrite(t, p.accepted, "x")
		start := time.Now()
		if got := <-goRead(p.dialed); got.text != "x" || time.Since(start) != time.Second {
			t.Errorf("read %q, %v after %v", got.text, got.err, time.Since(start))
		}
	})
}

// stubborn is a conn that takes no deadlines, and does not linger.
type stubborn struct {
	net.Conn
	closed bool
}

func (*stubborn) SetReadDeadline(time.Time) error { return errors.ErrUnsupported }
func (*stubborn) SetLinger(int) error             { return syscall.EINVAL }

func (s *stubborn) Close() error {
	s.closed = true
	return s.Conn.Close()
}

func TestAFaultThatFailsIsNotInForce(t *testing.T) {
	for _, fault := range []drops.Fault{drops.Silence{}, drops.Silence{In: true}, drops.Stall{}} {
		onMemory(t, func(t *testing.T, p pair) {
			c := drops.Wrap(&stubborn{Conn: p.dialed})
			if err := c.InjectFor(fault, time.Hour); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%v: %v", fault, err)
			}
			wantWrite(t, p.accepted, "x")
			start := time.Now()
			if got := <-goRead(c); got.text != "x" || time.Since(start) != 0 {
				t.Errorf("%v: read %q, %v after %v", fault, got.text, got.err, time.Since(start))
			}
		})
	}
}

func TestAResetThatFailsClosesAllTheSame(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		beneath := &stubborn{Conn: p.dialed}
		if err := (drops.Reset{}).Inject(drops.Wrap(beneath)); !errors.Is(err, syscall.EINVAL) || !beneath.closed {
			t.Errorf("%v, closed %v", err, beneath.closed)
		}
	})
}

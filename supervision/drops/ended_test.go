package drops_test

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// endings are all ways in which an end may have ended when a fault comes.
var endings = map[string]struct {
	end  func(c *drops.Conn)
	want error
}{
	"closed": {func(c *drops.Conn) { _ = c.Close() }, net.ErrClosed},
	"reset":  {func(c *drops.Conn) { _ = drops.Reset{}.Inject(c) }, syscall.ECONNRESET},
	"torn":   {func(c *drops.Conn) { _ = drops.Torn{}.Inject(c); _, _ = c.Write([]byte("x")) }, syscall.ECONNRESET},
	"left":   {func(c *drops.Conn) { _ = drops.CloseCode{Leave: true}.Inject(c) }, net.ErrClosed},
}

// valid are faults of all kinds.
var valid = []drops.Fault{
	drops.Reset{}, drops.FIN{}, drops.Silence{}, drops.Silence{In: true}, drops.Silence{Out: true}, drops.Stall{},
	drops.Torn{}, drops.Torn{FIN: true}, drops.Slow{Latency: 1}, drops.Bytewise{}, drops.Pongs{}, drops.Pongs{Late: 1},
	drops.CloseCode{}, drops.CloseCode{Leave: true}, drops.Garbage{}, drops.BadUTF8{}, drops.Oversized{}, drops.Unasked{},
}

func TestFaultsOnAnEndedConnSayWhatEndedIt(t *testing.T) {
	for name, e := range endings {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, p pair) {
				open(t, p)
				e.end(p.dialed)
				for _, f := range valid {
					if err := f.Inject(p.dialed); !errors.Is(err, e.want) {
						t.Errorf("%v: %v; want %v", f, err, e.want)
					}
					if err := p.dialed.InjectFor(f, time.Hour); !errors.Is(err, e.want) {
						t.Errorf("%v for an hour: %v; want %v", f, err, e.want)
					}
				}
			})
		})
	}
}

func TestInvalidFieldsAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dialMemory(t, drops.NewNetwork())
		for want, f := range map[string]drops.Fault{
			"-2":  drops.Torn{After: -2},
			"-3":  drops.CloseCode{Code: -3},
			"124": drops.CloseCode{Code: 1000, Reason: strings.Repeat("r", 124)},
			"126": drops.Unasked{Payload: strings.Repeat("u", 126)},
			"-4":  drops.Oversized{Bytes: -4},
			"-5":  drops.Pongs{Late: -5},
			"-1":  drops.CloseCode{Code: -1, Leave: true},
		} {
			if err := f.Inject(c); !errors.Is(err, messages.ErrInvalid) || !strings.Contains(err.Error(), want) {
				t.Errorf("%T: %v", f, err)
			}
		}
		for _, f := range []drops.Slow{{Latency: -1}, {Jitter: -1}, {Bandwidth: -1}} {
			if err := f.Inject(c); !errors.Is(err, messages.ErrInvalid) {
				t.Errorf("%#v: %v", f, err)
			}
		}
	})
}

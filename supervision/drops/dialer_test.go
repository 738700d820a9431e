package drops_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

func TestDialFaultsNameThemselves(t *testing.T) {
	cases := []struct {
		fault drops.DialFault
		want  string
	}{
		{drops.NoSuchHost{}, "no-such-host"},
		{drops.ConnRefused{}, "conn-refused"},
		{drops.Unanswered{}, "unanswered"},
	}
	for _, c := range cases {
		if got := c.fault.String(); got != c.want {
			t.Errorf("%q; want %q", got, c.want)
		}
	}
}

func TestDialerFailsTheNextDials(t *testing.T) {
	onBothSites(t, http.HandlerFunc(echo), func(t *testing.T, s *site) {
		d := drops.NewDialer(s.DialContext)
		wantStatus(t, d, 101, "")
		d.Fail(2, drops.ConnRefused{})
		wantNoDial(t, d, syscall.ECONNREFUSED)
		wantNoDial(t, d, syscall.ECONNREFUSED)
		wantStatus(t, d, 101, "")
	})
}

func TestDialerFailsUntilItIsOpened(t *testing.T) {
	onBothSites(t, http.HandlerFunc(echo), func(t *testing.T, s *site) {
		d := drops.NewDialer(s.DialContext)
		d.Fail(-1, drops.ConnRefused{})
		for range 10 {
			wantNoDial(t, d, syscall.ECONNREFUSED)
		}
		d.Open()
		wantStatus(t, d, 101, "")
	})
}

func wantNoDial(t *testing.T, d *drops.Dialer, want error) {
	t.Helper()
	dialer := websocket.Dialer{NetDialContext: d.DialContext}
	if ws, _, err := dialer.Dial("ws://server/", nil); !errors.Is(err, want) {
		t.Errorf("dialed %v, %v; want %v", ws, err, want)
	}
}

func TestDialerFailsNoMoreThanAskedForAtOnce(t *testing.T) {
	d := drops.NewDialer(func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed })
	d.Fail(20, drops.ConnRefused{})
	var refused atomic.Int32
	var dials sync.WaitGroup
	for range 50 {
		dials.Go(func() {
			if _, err := d.DialContext(t.Context(), "tcp", "server:80"); errors.Is(err, syscall.ECONNREFUSED) {
				refused.Add(1)
			}
		})
	}
	dials.Wait()
	if got := refused.Load(); got != 20 {
		t.Errorf("%d of 50 were refused; want 20", got)
	}
}

func TestDialerTakesFaultsAndKnowsTheLiveOnesInOrder(t *testing.T) {
	onBothSites(t, http.HandlerFunc(echo), func(t *testing.T, s *site) {
		d := drops.NewDialer(s.DialContext)
		var dialed []*drops.Conn
		for range 4 {
			c := must(d.DialContext(t.Context(), "tcp", "server:80")).(*drops.Conn)
			closeAfter(t, c)
			dialed = append(dialed, c)
		}
		if !slices.Equal(d.Conns(), dialed) {
			t.Fatal("not all, or not in order")
		}
		_ = dialed[0].Close()
		_ = drops.Reset{}.Inject(dialed[2])
		if got := d.Conns(); !slices.Equal(got, []*drops.Conn{dialed[1], dialed[3]}) {
			t.Errorf("live: %v", got)
		}
	})
}

func TestDialerPassesErrorsOn(t *testing.T) {
	cause := errors.New("no route")
	d := drops.NewDialer(func(context.Context, string, string) (net.Conn, error) { return nil, cause })
	if c, err := d.DialContext(t.Context(), "tcp", "server:80"); c != nil || !errors.Is(err, cause) {
		t.Errorf("dialed %v, %v", c, err)
	}
	if len(d.Conns()) != 0 {
		t.Error("a failed dial is live")
	}
}

// late is a fault of one's own: it delays the dial.
type late time.Duration

func (l late) Fail(context.Context, string, string) error {
	time.Sleep(time.Duration(l))
	return nil
}

func (late) String() string { return "late" }

func TestDialGoesOnWhereTheFaultReturnsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := drops.NewNetwork()
		serve(t, n, http.HandlerFunc(echo))
		d := drops.NewDialer(n.DialContext)
		d.Fail(1, late(time.Hour))
		start := time.Now()
		wantStatus(t, d, 101, "")
		if got := time.Since(start); got != time.Hour {
			t.Errorf("dialed after %v", got)
		}
	})
}

func TestUnansweredBlocksUntilTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drops.NewDialer(drops.NewNetwork().DialContext)
		d.Fail(1, drops.Unanswered{})
		start := time.Now()
		dialer := websocket.Dialer{NetDialContext: d.DialContext, HandshakeTimeout: 45 * time.Second}
		_, _, err := dialer.Dial("ws://server/", nil)
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(start) != 45*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestNoSuchHostIsThatOfPackageNet(t *testing.T) {
	for addr, name := range map[string]string{"feed.example:443": "feed.example", "[::1]:80": "::1", "any text": "any text"} {
		err := drops.NoSuchHost{}.Fail(t.Context(), "tcp4", addr)
		var op *net.OpError
		var dns *net.DNSError
		if !errors.As(err, &op) || op.Op != "dial" || op.Net != "tcp4" || op.Addr != nil || op.Timeout() || op.Temporary() {
			t.Errorf("%#v", op)
		}
		if !errors.As(err, &dns) || !dns.IsNotFound || dns.Name != name {
			t.Errorf("%#v", dns)
		}
		if want := "dial tcp4: lookup " + name + ": no such host"; err.Error() != want {
			t.Errorf("%q; want %q", err, want)
		}
	}
}

func TestConnRefusedIsThatOfPackageNet(t *testing.T) {
	l := must(net.Listen("tcp4", "127.0.0.1:0"))
	addr := l.Addr().String()
	_ = l.Close()
	_, want := new(net.Dialer).DialContext(t.Context(), "tcp4", addr)
	got := drops.ConnRefused{}.Fail(t.Context(), "tcp4", addr)
	if !errors.Is(want, syscall.ECONNREFUSED) || !errors.Is(got, syscall.ECONNREFUSED) {
		t.Errorf("%v; want %v", got, want)
	}
	wantSameDialError(t, got, want)
}

func TestUnansweredIsThatOfPackageNet(t *testing.T) {
	contexts := map[string]struct {
		end  func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		"deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithDeadline(ctx, time.Unix(1, 0))
		}, context.DeadlineExceeded},
		"cancel": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx, cancel
		}, context.Canceled},
	}
	for name, c := range contexts {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := c.end(t.Context())
			defer cancel()
			got := drops.Unanswered{}.Fail(ctx, "tcp4", "127.0.0.1:1")
			_, want := new(net.Dialer).DialContext(ctx, "tcp4", "127.0.0.1:1")
			if !errors.Is(want, c.want) || !errors.Is(got, c.want) {
				t.Errorf("%v; want %v", got, want)
			}
			wantSameDialError(t, got, want)
		})
	}
}

// wantSameDialError compares what programs look at.
func wantSameDialError(t *testing.T, got, want error) {
	t.Helper()
	var g, w *net.OpError
	if !errors.As(got, &g) || !errors.As(want, &w) {
		t.Fatalf("%#v; want %#v", got, want)
	}
	if g.Error() != w.Error() || g.Op != w.Op || g.Net != w.Net || g.Timeout() != w.Timeout() || g.Temporary() != w.Temporary() {
		t.Errorf("%#v (%v); want %#v (%v)", g, g, w, w)
	}
}

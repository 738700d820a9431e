package actors_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
)

// A return, and whether it may be one at all.
var (
	isReturn   = regexp.MustCompile(`^tether\.v1\.return\.`)
	wellFormed = regexp.MustCompile(`^tether\.v1\.return\..*\.[0-9]+$`)
)

// FuzzReturn offers any subprotocols beside tether.v1. They are a return or are
// refused; of whatever return nobody knows the connection is new, and the one
// that lives does not notice. TOKEN stands for its token.
func FuzzReturn(f *testing.F) {
	for _, entry := range []string{
		"", "chat", "tether.v1", "tether.v1.return", "tether.v1.return.", "tether.v1.return..", "tether.v1.return..0",
		"tether.v1.return.TOKEN.0", "tether.v1.return.TOKEN.18446744073709551615", "tether.v1.return.TOKEN.18446744073709551616",
		"tether.v1.return.TOKEN.-1", "tether.v1.return.TOKEN.007", "tether.v1.return.TOKENA.0", "tether.v1.return.TOKEN=.0",
		"tether.v1.return.TOKEN", "tether.v1.return.TOKEN.0,tether.v1.return.TOKEN.0", "tether.v1.return.a.b.c.1",
		"tether.v1.return." + strings.Repeat("A", 64) + ".1", "tether.v1.return.\x00.1", "TETHER.V1.RETURN.x.y",
	} {
		f.Add(entry)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		entry = strings.Map(func(r rune) rune { // what a header can carry
			if r < ' ' || r > '~' {
				return -1
			}
			return r
		}, entry)
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, actors.Config{})
			defer w.close()
			results := make(chan error, 2)
			addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
				_, err := w.m.Accept(rw, r, actors.Client{Resume: window})
				results <- err
			})
			g := w.guest(addr)
			defer g.Close()
			<-results
			entry = strings.ReplaceAll(entry, "TOKEN", g.welcome.Token)
			other := &guest{t: t, w: w, addr: addr}
			err := other.dial("tether.v1", entry)
			got := <-results
			if isRefused(entry) {
				if !errors.Is(err, websocket.ErrBadHandshake) || !errors.Is(got, messages.ErrInvalid) ||
					strings.Contains(got.Error(), g.welcome.Token) {
					t.Errorf("%q was answered with %v, and Accept returned %v", entry, err, got)
				}
				w.state(g.id(), messages.Open)
				return
			}
			if err != nil || got != nil {
				t.Fatalf("%q was answered with %v, and Accept returned %v", entry, err, got)
			}
			defer other.Close()
			if err := other.greeted(); err != nil || other.welcome.Resumed != (other.id() == g.id()) {
				t.Errorf("%q was greeted with %+v, %v", entry, other.welcome, err)
			}
			if other.welcome.Resumed != returnsWith(entry, g.welcome.Token) {
				t.Errorf("%q was greeted with %+v", entry, other.welcome)
			}
		})
	})
}

// isRefused says what the server is to do, by other means than its own.
func isRefused(entry string) bool {
	returns := 0
	for _, p := range strings.Split(entry, ",") {
		p = strings.TrimSpace(p)
		if !isReturn.MatchString(p) {
			continue
		}
		if returns++; returns > 1 || !wellFormed.MatchString(p) {
			return true
		}
		digits := strings.TrimLeft(p[strings.LastIndex(p, ".")+1:], "0")
		if len(digits) > 20 || len(digits) == 20 && digits > "18446744073709551615" {
			return true
		}
	}
	return false
}

// returnsWith reports whether entry has a return with the token.
func returnsWith(entry, token string) bool {
	want := regexp.MustCompile(fmt.Sprintf(`^tether\.v1\.return\.%s\.[0-9]+$`, regexp.QuoteMeta(token)))
	for _, p := range strings.Split(entry, ",") {
		if want.MatchString(strings.TrimSpace(p)) {
			return true
		}
	}
	return false
}

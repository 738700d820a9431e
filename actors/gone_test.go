package actors_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors"
)

func TestGoneIsToldOnceForEachSocket(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		var mu sync.Mutex
		gone := map[string]int{}
		count := func(name string) int {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return gone[name]
		}
		sockets := 0
		addr := w.inn(func(*http.Request) actors.Client {
			sockets++
			name := fmt.Sprint(sockets)
			return actors.Client{Resume: window, Gone: func() {
				for range w.m.Connections() { // no lock is held
				}
				mu.Lock()
				defer mu.Unlock()
				gone[name]++
				if name == "5" {
					panic("no harm")
				}
			}}
		})
		g := w.guest(addr)
		if count("1") != 0 {
			t.Error("gone too early")
		}
		g.cut()
		if count("1") != 1 {
			t.Errorf("reset: %v", gone)
		}
		g.returns()
		second := &guest{t: t, w: w, addr: addr, welcome: g.welcome}
		g.drain()
		second.returns()
		time.Sleep(time.Second)
		if count("2") != 1 || count("3") != 0 {
			t.Errorf("takeover: %v", gone)
		}
		second.drain()
		if err := w.m.Close(t.Context(), second.id(), 0, ""); err != nil {
			t.Error(err)
		}
		if count("3") != 1 {
			t.Errorf("close: %v", gone)
		}
		if status := w.status(addr, http.Header{"Origin": {"http://evil.example"}}); status != http.StatusForbidden || count("4") != 0 {
			t.Errorf("refused: %v", gone)
		}
		plain := w.calls(addr)
		_ = plain.Close()
		if count("5") != 1 {
			t.Errorf("plain: %v", gone)
		}
		time.Sleep(time.Hour)
		for name, n := range gone {
			if n != 1 {
				t.Errorf("%q is gone %d times", name, n)
			}
		}
	})
}

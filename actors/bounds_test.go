package actors_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// down dials a connection that never opens.
func (w *world) down() messages.ID {
	w.t.Helper()
	w.gate.Refuse(-1, drops.Refuse{Status: http.StatusTeapot})
	id, err := w.m.Dial(w.t.Context(), w.target())
	if err != nil {
		w.t.Fatal(err)
	}
	w.wait(id, messages.Parked)
	return id
}

func TestReplacedMessagesCostNoMemoryWhileTheSocketIsDown(t *testing.T) {
	bubble(t, actors.Config{OnEvent: func(messages.Event) {}}, func(t *testing.T, w *world) {
		id := w.down()
		before := heap()
		for range 300_000 {
			w.send(id, messages.Message{Kind: messages.KindText, Key: "newest"})
		}
		if grown := heap() - before; grown > 4<<20 {
			t.Errorf("300,000 messages with one key hold %d bytes", grown)
		}
	})
}

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestADeliverIsToldTheWholeEnd(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.down()
		w.send(id, messages.Text("another"))
		told := make(chan error, 1)
		go func() { told <- w.m.Deliver(context.Background(), id, messages.Text("waits")) }()
		synctest.Wait()
		if err := w.m.Close(t.Context(), id, 0, ""); err != nil {
			t.Fatal(err)
		}
		var end *messages.CloseError
		if err := <-told; !errors.As(err, &end) || end.Undelivered != 2 {
			t.Errorf("Deliver: %v, want 2 messages undelivered", err)
		}
	})
}

func TestABeatMayAskAboutItsConnection(t *testing.T) {
	id := messages.NewID()
	var w *world
	beat := func() messages.Message {
		_ = w.m.Send(id, messages.Text("from the beat"))
		return messages.Text(w.info(id).State.String())
	}
	bubble(t, actors.Config{}, func(t *testing.T, made *world) {
		w = made
		var got inbox
		w.serves(got.keep)
		target := w.target()
		target.ID, target.Heartbeat = id, &actors.Heartbeat{Idle: time.Second, Timeout: time.Minute, Beat: beat}
		w.dial(target)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if all := got.got(); len(all) < 2 || all[0] != "open" {
			t.Errorf("the peer got %q", all)
		}
	})
}

func TestAnUpgradeThatPanicsLeavesItsIDFree(t *testing.T) {
	id := messages.NewID()
	config := actors.Config{Upgrader: &websocket.Upgrader{CheckOrigin: func(*http.Request) bool { panic("origin") }}}
	bubble(t, config, func(t *testing.T, w *world) {
		addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
			defer func() { _ = recover() }()
			_, _ = w.m.Accept(rw, r, actors.Client{ID: id})
		})
		dialer := websocket.Dialer{NetDialContext: w.net.DialContext}
		if _, _, err := dialer.Dial("ws://"+addr, nil); err == nil {
			t.Fatal("the handshake succeeded")
		}
		synctest.Wait()
		if _, err := w.m.Info(id); !errors.Is(err, messages.ErrUnknownConnection) {
			t.Errorf("Info: %v", err)
		}
	})
}

func TestADialerThatIgnoresItsContextIsCalledOnce(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		var calls atomic.Int32
		free := make(chan struct{})
		target := w.target()
		target.Dialer = &websocket.Dialer{NetDial: func(string, string) (net.Conn, error) {
			calls.Add(1)
			<-free
			return nil, errPlain
		}}
		if _, err := w.m.Dial(t.Context(), target); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if n := calls.Load(); n != 1 {
			t.Errorf("%d calls at once, want 1", n)
		}
		close(free)
	})
}

func TestASecondCloseDoesNotCutTheFirstShort(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		w.serves(func(p *peer) { // answers the close late
			p.SetCloseHandler(func(code int, _ string) error {
				w.pause(5 * time.Second)
				return p.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Time{})
			})
			sink(p)
		})
		id := w.dial(w.target())
		first := make(chan error, 1)
		go func() { first <- w.m.Close(context.Background(), id, 0, "") }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.m.Close(ctx, id, 0, ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the second Close: %v", err)
		}
		if err := <-first; err != nil {
			t.Errorf("the first Close: %v", err)
		}
	})
}

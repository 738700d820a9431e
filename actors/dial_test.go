package actors_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestDialedConnectionSendsAndReceives(t *testing.T) {
	var got inbox
	config := actors.Config{Handler: actors.OnMessage(func(_ actors.Conn, m messages.Message) error {
		got.add(string(m.Data))
		return nil
	})}
	bubble(t, config, func(t *testing.T, w *world) {
		id, err := w.m.Dial(t.Context(), w.target())
		if err != nil {
			t.Fatal(err)
		}
		w.send(id, messages.Text("early"))
		w.wait(id, messages.Open)
		w.send(id, messages.Binary([]byte("late")))
		synctest.Wait()
		if want := []string{"early", "late"}; !slices.Equal(got.got(), want) {
			t.Errorf("received %q, want %q", got.got(), want)
		}
		info := w.info(id)
		if info.Admitted != 2 || info.Written != 2 || info.Received != 2 || info.Queued != 0 {
			t.Errorf("counts: %+v", info)
		}
	})
}

func TestDeliverReturnsOnceThePeerConfirmed(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		var got inbox
		w.serves(got.keep)
		id := w.dial(w.target())
		for _, g := range []messages.Guarantee{messages.AtMostOnce, messages.AtLeastOnce} {
			m := messages.Text(g.String())
			m.Guarantee = g
			if err := w.m.Deliver(t.Context(), id, m); err != nil {
				t.Fatal(err)
			}
			if all := got.got(); !slices.Contains(all, g.String()) {
				t.Errorf("Deliver returned before the peer had %q: %q", g, all)
			}
		}
	})
}

func TestAResetConnectionComesBack(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		drops.Reset{}.Inject(w.wire())
		w.wait(id, messages.Backoff)
		synctest.Wait()
		backoff, _ := w.events.last(messages.Backoff)
		w.wait(id, messages.Open)
		synctest.Wait() // events are told behind the change
		open, _ := w.events.last(messages.Open)
		if waited := open.At.Sub(backoff.At); waited != backoff.Delay || waited > 500*time.Millisecond {
			t.Errorf("came back after %v, was due after %v", waited, backoff.Delay)
		}
		if info := w.info(id); info.Incarnation != 2 {
			t.Errorf("incarnation %d, want 2", info.Incarnation)
		}
	})
}

func TestSilenceIsFoundAtIdlePlusTimeout(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		w.send(id, messages.Text("an echo resets the clock"))
		synctest.Wait()
		start := time.Now()
		drops.Silence{}.Inject(w.wire())
		w.wait(id, messages.Backoff)
		if found := time.Since(start); found != 35*time.Second {
			t.Errorf("found after %v, want 35s", found)
		}
		if last, _ := w.events.last(messages.Backoff); !errors.Is(last.Cause, messages.ErrHeartbeatTimeout) {
			t.Errorf("cause is %v", last.Cause)
		}
		w.wait(id, messages.Open)
	})
}

func TestCloseShakesHands(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		var got inbox
		w.serves(got.keep)
		id := w.dial(w.target())
		for range 10 {
			m := messages.Text("x")
			m.Guarantee = messages.AtLeastOnce
			w.send(id, m)
		}
		if err := w.m.Close(t.Context(), id, 4000, "bye"); err != nil {
			t.Fatal(err)
		}
		w.state(id, messages.Closed)
		if n := len(got.got()); n != 10 {
			t.Errorf("the peer has %d messages, want 10", n)
		}
		info, err := w.m.Info(id)
		if !errors.Is(err, messages.ErrClosed) || info.Confirmed != 10 || info.Undelivered != 0 {
			t.Errorf("after close: %v, %+v", err, info)
		}
		if err := w.m.Send(id, messages.Text("x")); !errors.Is(err, messages.ErrClosed) {
			t.Errorf("send after close: %v", err)
		}
	})
}

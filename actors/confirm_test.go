package actors_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
)

func TestOnlyAPongToAPingOfTheSocketConfirms(t *testing.T) {
	for name, forged := range map[string][]byte{
		"an empty one":            nil,
		"one of another program":  []byte("hello"),
		"another incarnation":     numbered{1, 1, 1}.payload(),
		"a later incarnation":     numbered{1, 3, 1}.payload(),
		"a ping not yet sent":     numbered{2, 2, 1}.payload(),
		"ping zero":               numbered{0, 2, 1}.payload(),
		"more messages than sent": numbered{1, 2, 2}.payload(),
		"one byte too short":      numbered{1, 2, 1}.payload()[:19],
		"one byte too long":       append(numbered{1, 2, 1}.payload(), 0),
	} {
		t.Run(name, func(t *testing.T) {
			audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
				l := &ledger{mute: true}
				w.serves(l.serve)
				id := w.dial(w.target())
				w.reset(id)
				w.wait(id, messages.Open)
				w.send(id, atLeastOnce("x"))
				synctest.Wait()
				asked := l.asked()
				if len(asked) != 1 || !bytes.Equal(asked[0].payload, numbered{1, 2, 1}.payload()) {
					t.Fatalf("pings: %v", asked)
				}
				if err := asked[0].peer.pong(forged); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if i := w.info(id); i.Confirmed != 0 || i.State != messages.Open {
					t.Errorf("it confirmed: %+v", i)
				}
				if err := asked[0].peer.pong(asked[0].payload); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if i := w.info(id); i.Confirmed != 1 {
					t.Errorf("the true one did not confirm: %+v", i)
				}
			})
		})
	}
}

func TestARepeatedPongConfirmsNothingNew(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		l := &ledger{}
		w.serves(l.serve)
		id := w.dial(w.target())
		w.send(id, atLeastOnce("1"))
		synctest.Wait()
		l.silent(true)
		time.Sleep(time.Second)
		w.send(id, atLeastOnce("2"))
		synctest.Wait()
		first := l.asked()[0]
		for _, payload := range [][]byte{first.payload, numbered{1, 1, 2}.payload()} {
			if err := first.peer.pong(payload); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if i := w.info(id); i.Confirmed != 1 || i.Unconfirmed != 1 {
				t.Errorf("after the repetition: %+v", i)
			}
		}
	})
}

func TestAPongConfirmsAllThatWasWrittenBeforeItsPing(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		for i := range 3 {
			w.send(id, atLeastOnce(fmt.Sprint(i)))
			synctest.Wait() // the ping follows the first, and is the only one
		}
		asked := l.asked()
		if len(asked) != 1 {
			t.Fatalf("%d pings are out", len(asked))
		}
		_ = asked[0].peer.pong(asked[0].payload)
		synctest.Wait()
		if i := w.info(id); i.Confirmed != 1 || i.Unconfirmed != 2 {
			t.Errorf("after the first pong: %+v", i)
		}
		time.Sleep(20 * time.Millisecond) // pings are that far apart
		synctest.Wait()
		if asked = l.asked(); len(asked) != 2 {
			t.Fatalf("%d pings were sent", len(asked))
		}
		_ = asked[1].peer.pong(asked[1].payload)
		synctest.Wait()
		if i := w.info(id); i.Confirmed != 3 {
			t.Errorf("after the second pong: %+v", i)
		}
	})
}

// While data flows in, a peer that answers no ping is asked each second, and
// dropped after ten.
func TestAnUnansweredPingIsFollowedEachSecondUntilTheTimeout(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.talk)
		id := w.dial(w.target())
		time.Sleep(70 * time.Millisecond)
		start := time.Now()
		w.send(id, atLeastOnce("x"))
		w.wait(id, messages.Backoff)
		if found := time.Since(start); found != 10*time.Second {
			t.Errorf("found after %v, want 10s", found)
		}
		synctest.Wait()
		last, _ := w.events.last(messages.Backoff)
		if !errors.Is(last.Cause, messages.ErrUnconfirmed) || errors.Is(last.Cause, messages.ErrHeartbeatTimeout) {
			t.Errorf("cause is %v", last.Cause)
		}
		asked := l.asked()
		if len(asked) != 10 {
			t.Errorf("%d pings, want 10", len(asked))
		}
		for i, p := range asked {
			if at := p.at.Sub(start); at != time.Duration(i)*time.Second || !bytes.Equal(p.payload, numbered{uint32(i + 1), 1, 1}.payload()) {
				t.Errorf("ping %d came at %v: %x", i+1, at, p.payload)
			}
		}
	})
}

// The heartbeat makes use of the ping that is out.
func TestThereIsOnePingAtATime(t *testing.T) {
	config := actors.Config{Restart: aMinuteApart, Heartbeat: actors.Heartbeat{Idle: 400 * time.Millisecond}}
	audited(t, config, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		start := time.Now()
		w.send(id, atLeastOnce("x"))
		w.wait(id, messages.Backoff)
		asked := l.asked()
		if len(asked) != 10 {
			t.Errorf("%d pings, want 10", len(asked))
		}
		for i, p := range asked {
			if at := p.at.Sub(start); at != time.Duration(i)*time.Second {
				t.Errorf("ping %d came at %v", i+1, at)
			}
		}
	})
}

func TestAPartialConfirmationStartsTheTimeoutAnew(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.talk)
		id := w.dial(w.target())
		w.send(id, atLeastOnce("1"))
		synctest.Wait()
		w.send(id, atLeastOnce("2"))
		time.Sleep(9500 * time.Millisecond)
		first := l.asked()[0]
		start := time.Now()
		_ = first.peer.pong(first.payload)
		w.wait(id, messages.Backoff)
		if found := time.Since(start); found != 10*time.Second {
			t.Errorf("found after %v, want 10s", found)
		}
		if i := w.info(id); i.Confirmed != 1 || i.Unconfirmed != 1 {
			t.Errorf("at the drop: %+v", i)
		}
	})
}

// RFC 6455, section 5.5.3, lets a peer answer only the latest ping.
func TestAPeerThatAnswersOnlyTheLatestPing(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		w.send(id, atLeastOnce("1"))
		time.Sleep(2500 * time.Millisecond)
		w.send(id, atLeastOnce("2"))
		time.Sleep(time.Second)
		asked := l.asked()
		if len(asked) != 4 {
			t.Fatalf("%d pings, want 4", len(asked))
		}
		_ = asked[3].peer.pong(asked[3].payload)
		synctest.Wait()
		if i := w.info(id); i.Confirmed != 2 || i.Unconfirmed != 0 {
			t.Errorf("after the latest pong: %+v", i)
		}
		_ = asked[1].peer.pong(asked[1].payload) // and a late one does no harm
		synctest.Wait()
		w.state(id, messages.Open)
	})
}

func TestAPeerThatNeverPongsIsParkedAfterThreeOpenings(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.talk)
		start := time.Now()
		id := w.dial(w.target())
		w.send(id, atLeastOnce("1"))
		w.send(id, atLeastOnce("2"))
		w.wait(id, messages.Parked)
		if parked := time.Since(start); parked != 3*10*time.Second+2*time.Minute {
			t.Errorf("parked after %v", parked)
		}
		l.want(t, "1 2", "1 2", "1 2")
		if i := w.info(id); i.Unconfirmed != 2 || i.Refused != 0 {
			t.Errorf("parked: %+v", i)
		}
		l.silent(false)
		w.wait(id, messages.Open)
		if probed := time.Since(start); probed != 3*10*time.Second+7*time.Minute {
			t.Errorf("probed after %v", probed)
		}
		synctest.Wait()
		if i := w.info(id); i.Confirmed != 2 {
			t.Errorf("after the probe: %+v", i)
		}
	})
}

func TestANumberedPongEndsTheCountOfOpeningsWithoutOne(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.talk)
		id := w.dial(w.target())
		for range 5 {
			l.silent(true)
			w.send(id, atLeastOnce("x"))
			w.wait(id, messages.Backoff)
			w.wait(id, messages.Open)
			w.wait(id, messages.Backoff)
			l.silent(false)
			w.wait(id, messages.Open)
			synctest.Wait()
		}
		if i := w.info(id); i.Confirmed != 5 {
			t.Errorf("at the end: %+v", i)
		}
	})
}

func TestPingsStayFewUnderSteadyTraffic(t *testing.T) {
	for _, each := range []struct {
		send func(string) messages.Message
		most int
	}{{atMostOnce, 0}, {atLeastOnce, 51}} {
		t.Run(each.send("").Guarantee.String(), func(t *testing.T) {
			config := actors.Config{Heartbeat: actors.Heartbeat{Off: true}}
			audited(t, config, func(t *testing.T, w *world) {
				l := &ledger{}
				w.serves(l.serve)
				id := w.dial(w.target())
				for range 1000 {
					w.send(id, each.send("x"))
					time.Sleep(time.Millisecond)
				}
				time.Sleep(time.Second)
				if n := len(l.asked()); n > each.most || each.most > 0 && n < each.most/2 {
					t.Errorf("%d pings for 1000 messages in a second, at most %d", n, each.most)
				}
				if i := w.info(id); i.Confirmed+i.Written != 1000 {
					t.Errorf("at the end: %+v", i)
				}
			})
		})
	}
}

func TestADeliverIsAskedAfterAtOnce(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		start := time.Now()
		for i := range 100 {
			m := atMostOnce(fmt.Sprint(i))
			m.Guarantee = messages.Guarantee(i % 2)
			if err := w.m.Deliver(t.Context(), id, m); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("100 confirmations waited for %v on a network without latency", took)
		}
	})
}

func TestAnOutboxMoreThanHalfFullIsAskedAfterAtOnce(t *testing.T) {
	audited(t, actors.Config{Outbox: actors.Outbox{Messages: 4}}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		start := time.Now()
		for range 100 {
			w.send(id, atLeastOnce("x"))
			w.send(id, atLeastOnce("x"))
			synctest.Wait()
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("room was waited for %v on a network without latency", took)
		}
	})
}

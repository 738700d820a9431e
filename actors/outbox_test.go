package actors_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func ttl(m messages.Message, d time.Duration) messages.Message {
	m.TTL = d
	return m
}

func keyed(m messages.Message, key string) messages.Message {
	m.Key = key
	return m
}

// expired asserts how many messages of a connection have expired by now.
func (w *world) expired(id messages.ID, want uint64) {
	w.t.Helper()
	synctest.Wait()
	if i := w.info(id); i.Expired != want {
		w.t.Errorf("%d expired, want %d: %+v", i.Expired, want, i)
	}
}

func TestMessagesExpireOnTimeWhateverTheSocketDoes(t *testing.T) {
	for name, down := range map[string]func(*world) messages.ID{
		"in backoff": func(w *world) messages.ID {
			id := w.dial(w.target())
			w.reset(id)
			w.state(id, messages.Backoff)
			return id
		},
		"parked": func(w *world) messages.ID {
			w.gate.Refuse(-1, drops.Refuse{Status: 400})
			id, _ := w.m.Dial(w.t.Context(), w.target())
			w.wait(id, messages.Parked)
			return id
		},
		"while connecting": func(w *world) messages.ID {
			id, release := w.held(w.target())
			w.t.Cleanup(release)
			time.AfterFunc(9*time.Second, release)
			return id
		},
		"behind a blocked write": func(w *world) messages.ID {
			id := w.dial(w.target())
			server := w.wire().Other()
			drops.Stall{}.Inject(server)
			w.t.Cleanup(server.Heal)
			w.send(id, messages.Binary(make([]byte, 500<<10)))
			synctest.Wait()
			w.state(id, messages.Open)
			return id
		},
	} {
		t.Run(name, func(t *testing.T) {
			audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
				id := down(w)
				for _, d := range []time.Duration{3 * time.Second, time.Second, 2 * time.Second} {
					w.send(id, ttl(atMostOnce("x"), d))
				}
				call := w.delivers(t.Context(), id, ttl(atLeastOnce("x"), 3*time.Second))
				for n := range uint64(3) {
					time.Sleep(time.Second - 1)
					w.expired(id, n)
					time.Sleep(1)
					w.expired(id, n+1+n/2)
				}
				alone(t, <-call, messages.ErrExpired)
			})
		})
	}
}

func TestTheOutboxHasATTLForMessagesWithoutOne(t *testing.T) {
	config := actors.Config{Restart: aMinuteApart, Outbox: actors.Outbox{TTL: time.Second}}
	audited(t, config, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		w.reset(id)
		w.send(id, atMostOnce("x"))
		w.send(id, ttl(atMostOnce("x"), 2*time.Second))
		time.Sleep(time.Second - 1)
		w.expired(id, 0)
		time.Sleep(1)
		w.expired(id, 1)
		time.Sleep(time.Second)
		w.expired(id, 2)
	})
}

func TestTTLsThatAreNoneOrForEver(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{}
		w.serves(l.serve)
		id := w.dial(w.target())
		if err := w.m.Send(id, ttl(atMostOnce("x"), -1)); !errors.Is(err, messages.ErrInvalid) {
			t.Errorf("negative TTL: %v", err)
		}
		w.reset(id)
		w.send(id, ttl(atMostOnce("for ever"), math.MaxInt64))
		w.wait(id, messages.Open)
		l.want(t, "", "for ever")
	})
}

func TestAWrittenMessageThatIsTooOldIsNotWrittenAgain(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		old := w.delivers(t.Context(), id, ttl(atLeastOnce("old"), time.Second))
		w.send(id, ttl(atLeastOnce("older in backoff"), 31*time.Second))
		w.send(id, ttl(atLeastOnce("young"), 2*time.Minute))
		time.Sleep(time.Second)
		w.expired(id, 0) // it may yet be confirmed
		w.reset(id)
		w.expired(id, 1)
		alone(t, <-old, messages.ErrUnconfirmed)
		time.Sleep(30*time.Second - 1)
		w.expired(id, 1)
		time.Sleep(1)
		w.expired(id, 2)
		l.silent(false)
		w.wait(id, messages.Open)
		l.want(t, "old older in backoff young", "young")
	})
}

func TestANewerMessageReplacesTheQueuedOneWithItsKeyAndQueuesAtTheEnd(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart, Outbox: actors.Outbox{Messages: 3}}, func(t *testing.T, w *world) {
		l := &ledger{}
		w.serves(l.serve)
		id := w.dial(w.target())
		w.reset(id)
		w.send(id, keyed(atMostOnce("a1"), "a"))
		w.send(id, keyed(atLeastOnce("b1"), "b"))
		w.send(id, atMostOnce("c"))
		w.send(id, keyed(atLeastOnce("a2"), "a")) // the room of the one it replaces is enough
		if err := w.m.Send(id, keyed(atMostOnce("d"), "d")); !errors.Is(err, messages.ErrQueueFull) {
			t.Errorf("another key in a full outbox: %v", err)
		}
		w.send(id, keyed(atMostOnce("a3"), "a"))
		if i := w.info(id); i.Replaced != 2 || i.Queued != 3 || i.QueuedBytes != 5 {
			t.Errorf("replaced: %+v", i)
		}
		w.wait(id, messages.Open)
		l.want(t, "", "b1 c a3")
	})
}

func TestAReplacementThatDoesNotFitLeavesTheOlderOne(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart, Outbox: actors.Outbox{Bytes: 4}}, func(t *testing.T, w *world) {
		l := &ledger{}
		w.serves(l.serve)
		id := w.dial(w.target())
		w.reset(id)
		w.send(id, keyed(atMostOnce("a1"), "a"))
		w.send(id, atMostOnce("b"))
		if err := w.m.Send(id, keyed(atMostOnce("a222"), "a")); !errors.Is(err, messages.ErrQueueFull) {
			t.Errorf("too long beside the other: %v", err)
		}
		if err := w.m.Send(id, keyed(atMostOnce("a3333"), "a")); !errors.Is(err, messages.ErrTooLarge) {
			t.Errorf("too long for the outbox: %v", err)
		}
		w.send(id, keyed(atMostOnce("a44"), "a"))
		w.wait(id, messages.Open)
		l.want(t, "", "b a44")
	})
}

func TestAWrittenMessageIsNotReplacedButNotWrittenAgain(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		older := w.delivers(t.Context(), id, keyed(atLeastOnce("a1"), "a"))
		w.send(id, atLeastOnce("b"))
		w.send(id, keyed(atLeastOnce("a2"), "a"))
		synctest.Wait()
		if i := w.info(id); i.Replaced != 0 || i.Unconfirmed != 3 {
			t.Errorf("written: %+v", i)
		}
		w.reset(id)
		alone(t, <-older, messages.ErrUnconfirmed)
		if i := w.info(id); i.Replaced != 1 || i.Unconfirmed != 2 {
			t.Errorf("dropped: %+v", i)
		}
		l.silent(false)
		w.send(id, keyed(atLeastOnce("a3"), "a")) // a2 waits to be written again
		w.wait(id, messages.Open)
		l.want(t, "a1 b a2", "b a3")
	})
}

func TestASupersededMessageCanStillBeConfirmed(t *testing.T) {
	audited(t, actors.Config{}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		older := w.delivers(t.Context(), id, keyed(atLeastOnce("a1"), "a"))
		w.send(id, keyed(atLeastOnce("a2"), "a"))
		synctest.Wait()
		l.silent(false)
		if err := <-older; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if i := w.info(id); i.Confirmed != 2 || i.Replaced != 0 {
			t.Errorf("confirmed: %+v", i)
		}
		l.want(t, "a1 a2")
	})
}

func TestAMessageTiedToASocketIsNeverWrittenToALaterOne(t *testing.T) {
	for _, g := range []messages.Guarantee{messages.AtMostOnce, messages.AtLeastOnce} {
		t.Run(g.String(), func(t *testing.T) {
			audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
				l := &ledger{mute: true}
				w.serves(l.serve)
				tied := messages.Message{Kind: messages.KindText, Data: []byte("tied"), Guarantee: g, Incarnation: 1}
				id, release := w.held(w.tears(w.target(), 1))
				w.send(id, atMostOnce("torn"))
				w.send(id, tied) // while that socket is being opened
				late := tied
				late.Incarnation = 2
				if err := w.m.Send(id, late); !errors.Is(err, messages.ErrInvalid) {
					t.Errorf("tied to a socket to come: %v", err)
				}
				release()
				w.wait(id, messages.Backoff)
				w.expired(id, 1)
				if err := w.m.Send(id, tied); !errors.Is(err, messages.ErrExpired) {
					t.Errorf("tied to a socket that is gone: %v", err)
				}
				w.wait(id, messages.Open)
				if err := w.m.Send(id, tied); !errors.Is(err, messages.ErrExpired) {
					t.Errorf("tied to the socket before: %v", err)
				}
				written := w.delivers(t.Context(), id, late)
				w.reset(id)
				alone(t, <-written, messages.ErrUnconfirmed)
				w.wait(id, messages.Open)
				l.want(t, "", "tied", "")
			})
		})
	}
}

func TestAMessageTiedToAnAttemptThatFailedExpires(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		w.gate.Refuse(1, drops.Refuse{})
		id, release := w.held(w.target())
		tied := atLeastOnce("x")
		tied.Incarnation = 1
		call := w.delivers(t.Context(), id, tied)
		release()
		alone(t, <-call, messages.ErrExpired)
		w.wait(id, messages.Open)
	})
}

func TestTheOutboxIsBoundedWithTheUnconfirmedInIt(t *testing.T) {
	for name, limits := range map[string]actors.Outbox{
		"in messages": {Messages: 4},
		"in bytes":    {Bytes: 4 * 10},
	} {
		t.Run(name, func(t *testing.T) {
			audited(t, actors.Config{Restart: aMinuteApart, Outbox: limits}, func(t *testing.T, w *world) {
				l := &ledger{mute: true}
				w.serves(l.serve)
				id := w.dial(w.target())
				m := atLeastOnce(strings.Repeat("x", 10))
				full := func(when string) {
					t.Helper()
					if err := w.m.Send(id, m); !errors.Is(err, messages.ErrQueueFull) {
						t.Errorf("%s: %v", when, err)
					}
				}
				w.send(id, m)
				w.send(id, m)
				synctest.Wait()
				w.send(id, m)
				w.send(id, m)
				full("with all unconfirmed")
				w.reset(id)
				full("in backoff")
				l.silent(false)
				w.wait(id, messages.Open)
				synctest.Wait()
				if i := w.info(id); i.Confirmed != 4 {
					t.Errorf("after the pong: %+v", i)
				}
				w.reset(id)
				for range 4 {
					w.send(id, m)
				}
				full("with all queued")
			})
		})
	}
}

func TestAMessageOfTheOutboxesWholeSizeFits(t *testing.T) {
	audited(t, actors.Config{Outbox: actors.Outbox{Bytes: 1 << 20}}, func(t *testing.T, w *world) {
		l := &ledger{}
		w.serves(l.serve)
		id := w.dial(w.target())
		big := make([]byte, 1<<20+1)
		if err := w.m.Send(id, messages.Binary(big)); !errors.Is(err, messages.ErrTooLarge) {
			t.Errorf("one byte more: %v", err)
		}
		if err := w.m.Deliver(t.Context(), id, messages.Binary(big[1:])); err != nil {
			t.Error(err)
		}
	})
}

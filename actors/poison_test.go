package actors_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

const poison = "poison"

// chokes serves a peer that ends its socket over a message, as end says.
func chokes(l *ledger, end func(*peer)) func(*peer) {
	l.on = func(p *peer, text string) bool {
		if text != poison {
			return true
		}
		end(p)
		return false
	}
	return l.serve
}

// refusal returns the one outcome Refused.
func (w *world) refusal() (o messages.EventOutcome) {
	w.t.Helper()
	w.events.mu.Lock()
	defer w.events.mu.Unlock()
	n := 0
	for _, each := range w.events.outcomes {
		if each.Outcome == messages.OutcomeRefused {
			o, n = each, n+1
		}
	}
	if n != 1 {
		w.t.Errorf("%d messages were refused, want 1", n)
	}
	return o
}

func TestTheMessageThatThePeerClosesOverIsFoundAndGivenUp(t *testing.T) {
	for _, code := range []int{1003, 1007, 1008, 1009} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
				l := &ledger{}
				w.serves(chokes(l, func(p *peer) { p.closes(code) }))
				id, release := w.held(w.target())
				for _, text := range []string{"1", "2"} {
					w.send(id, atLeastOnce(text))
				}
				guilty := w.delivers(t.Context(), id, atLeastOnce(poison))
				innocent := w.delivers(t.Context(), id, atLeastOnce("3"))
				w.send(id, atMostOnce("4"))
				release()
				alone(t, <-guilty, messages.ErrUnconfirmed)
				if err := <-innocent; err != nil {
					t.Error(err)
				}
				if err := w.m.Deliver(t.Context(), id, atLeastOnce("5")); err != nil {
					t.Error(err)
				}
				l.want(t, "1 2 poison", "1 2 poison", "3 5")
				refused := w.refusal()
				var closed *messages.PeerCloseError
				if !errors.As(refused.Err, &closed) || closed.Code != code || refused.Number != 3 {
					t.Errorf("refused: %+v", refused)
				}
				if i := w.info(id); i.Refused != 1 || i.Confirmed != 4 || i.State != messages.Open {
					t.Errorf("at the end: %+v", i)
				}
			})
		})
	}
}

// Three drops make the message a suspect, the fourth, alone, convicts it.
func TestTheMessageThatEachDropFollowsIsFoundAndGivenUp(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{}
		w.serves(chokes(l, func(p *peer) { drops.Reset{}.Inject(p.wire) }))
		id, release := w.held(w.target())
		w.send(id, atLeastOnce(poison))
		w.send(id, atLeastOnce("1"))
		w.send(id, atMostOnce("2"))
		w.send(id, atLeastOnce("3"))
		release()
		for range 4 {
			w.wait(id, messages.Backoff)
			w.wait(id, messages.Open)
		}
		l.want(t, poison, poison, poison, poison, "1 3")
		w.refusal()
	})
}

func TestTheInnocentBeforeAndBehindAllArrive(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{}
		w.serves(chokes(l, func(p *peer) { drops.Reset{}.Inject(p.wire) }))
		id, release := w.held(w.target())
		for _, text := range []string{"1", "2", poison, "3", "4"} {
			w.send(id, atLeastOnce(text))
		}
		release()
		time.Sleep(time.Hour)
		synctest.Wait()
		if refused := w.refusal(); refused.Number != 3 {
			t.Errorf("refused: %+v", refused)
		}
		if i := w.info(id); i.Confirmed != 4 || i.State != messages.Open {
			t.Errorf("at the end: %+v", i)
		}
		got := l.got()
		if last := got[len(got)-1]; last != "3 4" {
			t.Errorf("the sockets brought %q", got)
		}
	})
}

// Written singly, a message waits for the confirmation of the one before.
func TestSuspectsAreWrittenSingly(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id, release := w.held(w.target())
		for _, text := range []string{"1", "2", "3"} {
			w.send(id, atLeastOnce(text))
		}
		release()
		w.wait(id, messages.Open)
		synctest.Wait()
		l.asked()[0].peer.closes(1008)
		w.wait(id, messages.Backoff)
		w.send(id, atMostOnce("newer"))
		w.wait(id, messages.Open)
		want := ""
		for i, text := range []string{"1", "2", "3"} {
			want = strings.TrimSpace(want + " " + text)
			l.want(t, "1 2 3", want)
			time.Sleep(500 * time.Millisecond)
			l.want(t, "1 2 3", want)
			asked := l.asked()[i+1]
			_ = asked.peer.pong(asked.payload)
		}
		w.send(id, atLeastOnce("4"))
		w.send(id, atLeastOnce("5")) // not singly any more
		l.want(t, "1 2 3", want+" newer 4 5")
	})
}

func TestACloseOverNoKnownMessageParks(t *testing.T) {
	for name, send := range map[string]func(*world, messages.ID){
		"nothing is sent":     func(*world, messages.ID) {},
		"only at most once":   func(w *world, id messages.ID) { w.send(id, atMostOnce("x")) },
		"all was confirmed":   func(w *world, id messages.ID) { w.send(id, atLeastOnce("x")); synctest.Wait() },
		"a Deliver is waited": func(w *world, id messages.ID) { go w.m.Deliver(w.t.Context(), id, atMostOnce("x")) },
	} {
		t.Run(name, func(t *testing.T) {
			audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
				l := &ledger{mute: name == "a Deliver is waited"}
				served := make(chan *peer, 2)
				w.serves(func(p *peer) { served <- p; l.serve(p) })
				id := w.dial(w.target())
				send(w, id)
				synctest.Wait()
				p := <-served
				p.closes(1007)
				synctest.Wait()
				w.state(id, messages.Parked)
			})
		})
	}
}

func TestAPeerThatNeverPongsLosesNothingByItself(t *testing.T) {
	for name, serve := range map[string]func(*ledger, *peer){"talking": (*ledger).talk, "silent": (*ledger).serve} {
		t.Run(name, func(t *testing.T) {
			audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
				l := &ledger{mute: true}
				w.serves(func(p *peer) { serve(l, p) })
				id := w.dial(w.target())
				for i := range 5 {
					w.send(id, atLeastOnce(fmt.Sprint(i)))
				}
				time.Sleep(2 * time.Hour)
				if i := w.info(id); i.Unconfirmed != 5 || i.Refused != 0 {
					t.Errorf("after two hours: %+v", i)
				}
				l.silent(false)
				if err := w.m.Retry(id); err != nil {
					t.Fatal(err)
				}
				w.wait(id, messages.Open)
				time.Sleep(time.Hour)
				if i := w.info(id); i.Confirmed != 5 || i.State != messages.Open {
					t.Errorf("once it pongs: %+v", i)
				}
				got := l.got()
				for _, socket := range got {
					if socket != "" && socket != "0 1 2 3 4" { // never singly
						t.Errorf("a socket brought %q", socket)
					}
				}
			})
		})
	}
}

func TestDropsBeforeAWriteAccuseNobody(t *testing.T) {
	audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
		l := &ledger{mute: true}
		w.serves(l.serve)
		id := w.dial(w.target())
		w.send(id, atLeastOnce("1"))
		w.send(id, atLeastOnce("2"))
		synctest.Wait()
		w.reset(id)
		w.gate.Refuse(5, drops.Refuse{})
		l.silent(false)
		w.wait(id, messages.Open)
		l.want(t, "1 2", "1 2")
		if i := w.info(id); i.Confirmed != 2 || i.Refused != 0 {
			t.Errorf("at the end: %+v", i)
		}
	})
}

// The end of the socket interrupts the write of a long message, and may be
// noticed before the close frame that tells why.
func TestAMessageOverThePeersLimitIsFoundAndGivenUp(t *testing.T) {
	for range 20 {
		audited(t, actors.Config{Restart: aMinuteApart}, func(t *testing.T, w *world) {
			l := &ledger{}
			w.serves(func(p *peer) {
				p.SetReadLimit(1 << 10) // over it gorilla sends 1009
				l.serve(p)
			})
			id, release := w.held(w.target())
			w.send(id, atLeastOnce("1"))
			w.send(id, atLeastOnce(strings.Repeat("x", 500<<10)))
			w.send(id, atLeastOnce("2"))
			release()
			w.wait(id, messages.Backoff)
			w.wait(id, messages.Open)
			w.wait(id, messages.Backoff)
			w.wait(id, messages.Open)
			l.want(t, "1", "1", "2")
			var closed *messages.PeerCloseError
			if refused := w.refusal(); !errors.As(refused.Err, &closed) || closed.Code != 1009 || refused.Number != 2 {
				t.Errorf("refused: %+v", refused)
			}
		})
	}
}

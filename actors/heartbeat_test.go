package actors_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
	"github.com/tetherws/tether/supervision/drops"
)

// frames are what a peer may send as a sign of life.
var frames = map[string]func(*peer){
	"message":  func(p *peer) { p.WriteMessage(websocket.TextMessage, []byte("x")) },
	"ping":     func(p *peer) { p.WriteControl(websocket.PingMessage, nil, time.Time{}) },
	"pong":     func(p *peer) { p.WriteControl(websocket.PongMessage, []byte("unasked"), time.Time{}) },
	"fragment": func(p *peer) { p.wire.Write([]byte{websocket.TextMessage, 1, 'x'}) },
}

func TestAnyFrameResetsTheHeartbeat(t *testing.T) {
	config := actors.Config{Heartbeat: actors.Heartbeat{Idle: 20 * time.Second, Timeout: 5 * time.Second}}
	for name, send := range frames {
		for _, at := range []time.Duration{10 * time.Second, 22 * time.Second} { // before the beat and after it
			t.Run(fmt.Sprint(name, " at ", at), func(t *testing.T) {
				bubble(t, config, func(t *testing.T, w *world) {
					p, id := w.greeted()
					start := time.Now()
					time.Sleep(at)
					send(p)
					w.wait(id, messages.Backoff)
					if found := time.Since(start); found != at+25*time.Second {
						t.Errorf("found after %v, want %v", found, at+25*time.Second)
					}
				})
			})
		}
	}
}

func TestSilenceIsFoundOnTimeThoughAWriteIsBlocked(t *testing.T) {
	bubble(t, actors.Config{WriteTimeout: time.Hour}, func(t *testing.T, w *world) {
		_, id := w.greeted()
		start := time.Now()
		w.send(id, messages.Binary(make([]byte, 200<<10)))
		w.wait(id, messages.Backoff)
		last := w.last(messages.Backoff)
		if found := time.Since(start); found != 35*time.Second || !errors.Is(last.Cause, messages.ErrHeartbeatTimeout) {
			t.Errorf("found after %v, want 35s; cause %v", found, last.Cause)
		}
	})
}

func TestAPeerThatReadsSlowlyAndAnswersIsKept(t *testing.T) {
	bubble(t, actors.Config{WriteTimeout: time.Minute}, func(t *testing.T, w *world) {
		w.serves(func(p *peer) {
			for {
				if _, _, err := p.ReadMessage(); err != nil {
					return
				}
				w.pause(time.Second)
			}
		})
		id := w.dial(w.target())
		for range 60 {
			m := messages.Binary(make([]byte, 16<<10))
			m.Guarantee = messages.AtLeastOnce
			w.send(id, m)
		}
		time.Sleep(2 * time.Minute)
		if info := w.info(id); info.Incarnation != 1 || info.Confirmed != 60 {
			t.Errorf("incarnation %d, %d confirmed; history %v", info.Incarnation, info.Confirmed, info.History)
		}
	})
}

func TestFirstBeatsAreSpreadOverIdle(t *testing.T) {
	const connections = 200
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		first := make(chan time.Duration, connections)
		w.serves(func(p *peer) {
			opened, pong := time.Now(), p.PingHandler()
			p.SetPingHandler(func(data string) error {
				first <- time.Since(opened)
				p.SetPingHandler(pong)
				return pong(data)
			})
			sink(p)
		})
		for range connections {
			w.dial(w.target())
		}
		var beats []time.Duration
		for range connections {
			beats = append(beats, <-first)
		}
		slices.Sort(beats)
		earliest, latest := beats[0], beats[connections-1]
		if earliest > 5*time.Second || latest < 20*time.Second || latest > 25*time.Second {
			t.Errorf("first beats from %v to %v", earliest, latest)
		}
		if instants := len(slices.Compact(beats)); instants != connections {
			t.Errorf("%d first beats at %d instants", connections, instants)
		}
	})
}

func TestABeatMayBeAnApplicationMessage(t *testing.T) {
	bubble(t, actors.Config{Heartbeat: actors.SeedHeartbeat()}, func(t *testing.T, w *world) {
		p, id := w.greeted()
		start := time.Now()
		_, data, err := p.ReadMessage()
		if at := time.Since(start); err != nil || string(data) != `{"heart":1}` || at != time.Minute {
			t.Errorf("%q, %v after %v, want the beat after 1m", data, err, at)
		}
		w.wait(id, messages.Backoff)
		if found := time.Since(start); found != 2*time.Minute {
			t.Errorf("silence found after %v, want 2m", found)
		}
	})
}

func TestAnApplicationBeatIsAnsweredAheadOfAFullQueue(t *testing.T) {
	var handled inbox
	config := actors.Config{
		Heartbeat: actors.SeedHeartbeat(), WriteTimeout: time.Hour,
		Handler: actors.OnMessage(func(_ actors.Conn, m messages.Message) error {
			handled.add(string(m.Data))
			return nil
		}),
	}
	bubble(t, config, func(t *testing.T, w *world) {
		w.net.Buffer = 1 << 10
		p, id := w.greeted()
		queued := 0
		for ; w.m.Send(id, messages.Binary(make([]byte, 16<<10))) == nil; queued++ {
		}
		p.WriteMessage(websocket.TextMessage, []byte(`{"heart":1}`))
		synctest.Wait()
		ahead := 0
		for {
			_, data, err := p.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(data, []byte(`{"heart":1}`)) {
				break
			}
			ahead++
		}
		if batch := 4; ahead > 1+batch || queued != 64 { // one is in the write, and a batch of 64 KiB behind it
			t.Errorf("answered behind %d of %d messages", ahead, queued)
		}
		for range queued - ahead {
			p.ReadMessage()
		}
		if got := handled.got(); !slices.Equal(got, []string{"hi"}) {
			t.Errorf("the handler got %q", got)
		}
	})
}

func TestTheSeedsBrowserClientIsAnswered(t *testing.T) {
	bubble(t, actors.Config{Heartbeat: actors.SeedHeartbeat()}, func(t *testing.T, w *world) {
		defer w.listens("front:80", w.m)()
		c := w.calls("front:80")
		defer c.Close()
		for _, beat := range []string{`{"heart":1}`, `{ "heart" : 1 }`} {
			if err := c.WriteMessage(websocket.TextMessage, []byte(beat)); err != nil {
				t.Fatal(err)
			}
			if _, data, err := c.ReadMessage(); err != nil || string(data) != `{"heart":1}` {
				t.Errorf("%s is answered with %q, %v", beat, data, err)
			}
		}
	})
}

func TestTwoSeedProfilesDoNotAnswerEachOtherForEver(t *testing.T) {
	bubble(t, actors.Config{Heartbeat: actors.SeedHeartbeat()}, func(t *testing.T, w *world) {
		defer w.listens("front:80", w.m)()
		target := w.target()
		target.URL = "ws://front:80/"
		w.dial(target)
		const minutes = 600
		time.Sleep(minutes * time.Minute)
		for info := range w.m.Connections() {
			if info.State != messages.Open || info.Incarnation != 1 {
				t.Errorf("%v at incarnation %d", info.State, info.Incarnation)
			}
			if info.Received == 0 || info.Received > 2*minutes {
				t.Errorf("%d messages in %d minutes", info.Received, minutes)
			}
		}
	})
}

func TestWithTheHeartbeatOffSilenceIsBorne(t *testing.T) {
	bubble(t, actors.Config{Heartbeat: actors.Heartbeat{Off: true}}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		drops.Silence{}.Inject(w.wire())
		time.Sleep(24 * time.Hour)
		w.state(id, messages.Open)
	})
}

func TestTheClockStandsWhileTheHandlerLags(t *testing.T) {
	release := make(chan struct{})
	config := actors.Config{HandlerTimeout: 24 * time.Hour}
	config.Handler = actors.OnMessage(func(actors.Conn, messages.Message) error {
		<-release
		return nil
	})
	bubble(t, config, func(t *testing.T, w *world) {
		release = make(chan struct{}) // of the bubble
		w.serves(func(p *peer) {
			for range 1 + 64 + 1 { // in the handler, in the queue, and in the reader's hands
				p.WriteMessage(websocket.TextMessage, []byte("x"))
			}
			sink(p)
		})
		id := w.dial(w.target())
		synctest.Wait()
		drops.Silence{}.Inject(w.wire())
		time.Sleep(time.Hour)
		w.state(id, messages.Open)
		start := time.Now()
		close(release)
		w.wait(id, messages.Backoff)
		if found := time.Since(start); found != 35*time.Second {
			t.Errorf("silence found %v after the reader went on, want 35s", found)
		}
	})
}

func TestAThousandSilencesInAThousandHours(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		for hour := range 1000 {
			w.send(id, messages.Text("an echo resets the clock"))
			synctest.Wait()
			start := time.Now()
			drops.Silence{}.Inject(w.wire())
			w.wait(id, messages.Backoff)
			if found := time.Since(start); found != 35*time.Second {
				t.Fatalf("hour %d: found after %v", hour, found)
			}
			w.wait(id, messages.Open)
			time.Sleep(time.Hour - time.Since(start))
		}
		if info := w.info(id); info.Incarnation != 1001 {
			t.Errorf("incarnation %d after 1000 silences", info.Incarnation)
		}
	})
}

func TestABeatProvesHealthAfterTenSeconds(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		w.gate.Refuse(1, drops.Refuse{Status: http.StatusInternalServerError})
		id := w.dial(w.target())
		time.Sleep(10*time.Second - 1)
		synctest.Wait()
		if n := w.info(id).Attempt; n != 1 {
			t.Errorf("attempt %d just before 10s, want 1", n)
		}
		time.Sleep(1)
		synctest.Wait()
		if n := w.info(id).Attempt; n != 0 {
			t.Errorf("attempt %d after 10s, want 0", n)
		}
	})
}

func TestAPanicOfBeatOrReplyIsAFailure(t *testing.T) {
	beats := map[string]actors.Heartbeat{
		"beat":  {Beat: func() messages.Message { panic("beat") }},
		"reply": {Reply: func(messages.Message) (messages.Message, bool) { panic("reply") }},
		"empty": {Beat: func() messages.Message { return messages.Message{} }},
	}
	for name, beat := range beats {
		t.Run(name, func(t *testing.T) {
			bubble(t, actors.Config{Heartbeat: beat}, func(t *testing.T, w *world) {
				_, id := w.greeted()
				w.wait(id, messages.Backoff)
				last := w.last(messages.Backoff)
				if cause, _ := supervision.Classify(last.Cause); cause != supervision.CauseHandler {
					t.Errorf("cause %v", last.Cause)
				}
			})
		})
	}
}

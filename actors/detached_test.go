package actors_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestAClientThatDoesNotReturnInTimeIsClosed(t *testing.T) {
	said := &diary{}
	audited(t, actors.Config{Handler: said}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		g.cut()
		start := time.Now()
		info := w.info(g.id())
		if !info.NextAttempt.Equal(start.Add(window)) || info.State != messages.Detached || info.Attempt != 0 {
			t.Errorf("%+v", info)
		}
		if delay := w.last(messages.Detached).Delay; delay != window {
			t.Errorf("the event says %v", delay)
		}
		w.send(g.id(), messages.Text("left"))
		if err := w.m.Retry(g.id()); err != nil {
			t.Error(err)
		}
		w.wait(g.id(), messages.Closed)
		if after := time.Since(start); after != window {
			t.Errorf("closed after %v", after)
		}
		synctest.Wait()
		var end *messages.CloseError
		if !errors.As(said.ended(), &end) || end.Code != 1006 || end.Remote || end.Undelivered != 1 || end.Err == nil ||
			!errors.Is(end, said.err) {
			t.Errorf("ended with %#v", end)
		}
		if want := []string{"opened", "dropped", "closed"}; !slices.Equal(said.all(), want) {
			t.Errorf("the handler was told %q", said.all())
		}
		g.isNew()
		g.Close()
	})
}

// Each return has a window of its own, and it begins with the drop.
func TestAReturnInTheLastMomentCounts(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		for range 5 {
			g.cut()
			time.Sleep(window - 1)
			g.returns()
			time.Sleep(time.Millisecond)
		}
		g.cut()
		start := time.Now()
		w.wait(g.id(), messages.Closed)
		if after := time.Since(start); after != window {
			t.Errorf("closed after %v", after)
		}
	})
}

func TestWhichEndsAreFinal(t *testing.T) {
	closes := func(code int) func(*guest) {
		return func(g *guest) {
			_ = g.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, "bye"), time.Now().Add(time.Minute))
			g.drain()
		}
	}
	says := func(text string) func(*guest) {
		return func(g *guest) { _ = g.WriteMessage(websocket.TextMessage, []byte(text)) }
	}
	for name, test := range map[string]struct {
		end  func(*guest)
		want messages.State
		code int // of the CloseError
	}{
		"reset":                   {func(g *guest) { _ = drops.Reset{}.Inject(g.wire) }, messages.Detached, 1006},
		"end without a close":     {func(g *guest) { _ = drops.FIN{}.Inject(g.wire) }, messages.Detached, 1006},
		"silence":                 {func(g *guest) { _ = drops.Silence{}.Inject(g.wire) }, messages.Detached, 1006},
		"no pong":                 {func(g *guest) { g.SetPingHandler(func(string) error { return nil }); g.drain() }, messages.Detached, 1006},
		"close 1000":              {closes(1000), messages.Closed, 1000},
		"close 1001":              {closes(1001), messages.Detached, 1006},
		"close 1002":              {closes(1002), messages.Closed, 1002},
		"close 1003":              {closes(1003), messages.Closed, 1003},
		"close 1005":              {closes(1005), messages.Detached, 1006},
		"close 1007":              {closes(1007), messages.Closed, 1007},
		"close 1008":              {closes(1008), messages.Closed, 1008},
		"close 1009":              {closes(1009), messages.Closed, 1009},
		"close 1010":              {closes(1010), messages.Closed, 1010},
		"close 1011":              {closes(1011), messages.Closed, 1011},
		"close 1012":              {closes(1012), messages.Detached, 1006},
		"close 3000":              {closes(3000), messages.Detached, 1006},
		"close 4000":              {closes(4000), messages.Detached, 1006},
		"close 4999":              {closes(4999), messages.Detached, 1006},
		"violation":               {func(g *guest) { _, _ = g.wire.Write([]byte{0xff, 0xff}) }, messages.Closed, 1002},
		"message too long":        {says(strings.Repeat("x", 65<<10)), messages.Closed, 1009},
		"not UTF-8":               {says("\xff"), messages.Closed, 1007},
		"fault of the handler":    {says("fail"), messages.Closed, 1011},
		"panic of the handler":    {says("panic"), messages.Closed, 1011},
		"CloseError of a handler": {says("quit"), messages.Closed, 4001},
		"Close of the connection": {says("close"), messages.Closed, 4002},
		"Close of the manager's":  {func(g *guest) { go g.w.m.Close(context.Background(), g.id(), 4003, "") }, messages.Closed, 4003},
		"stalled handler":         {says("stall"), messages.Closed, 1011},
		"malformed close":         {func(g *guest) { _ = g.WriteControl(websocket.CloseMessage, []byte{1}, time.Now().Add(time.Minute)) }, messages.Closed, 1002},
		"reserved close code 1006": {func(g *guest) {
			_ = g.WriteControl(websocket.CloseMessage, []byte{3, 238}, time.Now().Add(time.Minute))
		}, messages.Closed, 1002},
	} {
		t.Run(name, func(t *testing.T) {
			handler := actors.OnMessage(func(c actors.Conn, m messages.Message) error {
				switch string(m.Data) {
				case "fail":
					return errors.New("no")
				case "panic":
					panic("no")
				case "quit":
					return &messages.CloseError{Code: 4001}
				case "close":
					return c.Close(4002, "")
				case "stall":
					time.Sleep(2 * time.Minute)
				}
				return nil
			})
			bubble(t, actors.Config{Handler: handler}, func(t *testing.T, w *world) {
				g := w.guest(w.inn(nil))
				defer g.Close()
				synctest.Wait()
				w.send(g.id(), messages.Text("waits for its pong"))
				test.end(g)
				if name == "stalled handler" {
					g.drain()
				}
				w.wait(g.id(), messages.Detached, messages.Closed)
				w.state(g.id(), test.want)
				g.Close()
				w.wait(g.id(), messages.Closed)
				_, err := w.m.Info(g.id())
				var end *messages.CloseError
				if !errors.As(err, &end) || end.Code != test.code {
					t.Errorf("%#v", err)
				}
				if test.want == messages.Closed {
					g.isNew()
					g.Close()
				}
				time.Sleep(3 * time.Minute)
			})
		})
	}
}

func TestWhileItsClientIsAwayAConnectionTakesAll(t *testing.T) {
	config := actors.Config{Outbox: actors.Outbox{Messages: 4}}
	audited(t, config, func(t *testing.T, w *world) {
		g := w.guest(w.inn(with(actors.Client{Labels: map[string]string{"user": "ada"}})))
		id := g.id()
		w.join(id, "before")
		g.cut()
		w.join(id, "away")
		w.send(id, keyed(messages.Text("old"), "k"))
		w.send(id, ttl(messages.Text("late"), time.Second))
		w.broadcast("before", "all", 1, 0)
		w.send(id, keyed(messages.Text("new"), "k"))
		tied := messages.Text("tied")
		tied.Incarnation = 1
		if err := w.m.Send(id, tied); !errors.Is(err, messages.ErrExpired) {
			t.Error(err)
		}
		w.send(id, messages.Text("fourth"))
		if err := w.m.Send(id, messages.Text("fifth")); !errors.Is(err, messages.ErrQueueFull) {
			t.Error(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if info := w.info(id); info.Expired != 1 || info.Replaced != 1 || info.Queued != 3 || info.Labels["user"] != "ada" {
			t.Errorf("%+v", info)
		}
		g.returns()
		g.expect("all", "new", "fourth")
		if info := w.info(id); !slices.Equal(info.Groups, []string{"away", "before"}) || info.Labels["user"] != "ada" {
			t.Errorf("%+v", info)
		}
		w.broadcast("away", "again", 1, 0)
		g.expect("again")
		g.Close()
	})
}

func TestDeliverWaitsForTheReturn(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		g := w.guest(w.inn(nil))
		synctest.Wait()
		g.mute = true
		g.SetPingHandler(func(string) error { return nil })
		answers := make(chan error, 3)
		deliver := func(text string) { answers <- w.m.Deliver(t.Context(), g.id(), messages.Text(text)) }
		go deliver("handled")
		g.expect("handled")
		go deliver("lost")
		synctest.Wait()
		g.cut()
		go deliver("away")
		time.Sleep(time.Second)
		if len(answers) != 0 {
			t.Fatalf("answered with %v", <-answers)
		}
		g.mute = false
		g.returns()
		synctest.Wait()
		if len(answers) != 1 {
			t.Errorf("%d are answered", len(answers))
		}
		g.drain()
		for range 3 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		g.Close()
	})
}

func TestCloseAndShutdownEndWhatWaitsForItsClient(t *testing.T) {
	said := &diary{}
	bubble(t, actors.Config{Handler: said}, func(t *testing.T, w *world) {
		addr := w.inn(nil)
		g, other := w.guest(addr), w.guest(addr)
		g.cut()
		if err := w.m.Close(t.Context(), g.id(), 4000, "over"); err != nil {
			t.Error(err)
		}
		w.state(g.id(), messages.Closed)
		g.isNew()
		g.cut()
		other.cut()
		w.send(other.id(), messages.Text("left"))
		w.send(g.id(), messages.Text("left"))
		start := time.Now()
		var left *messages.ShutdownError
		if err := w.m.Shutdown(t.Context()); !errors.As(err, &left) || left.Undelivered != 2 || len(left.Left) != 0 {
			t.Errorf("%v", err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v", took)
		}
		if got := w.status(addr, http.Header{"Sec-WebSocket-Protocol": {"tether.v1, tether.v1.return." + g.welcome.Token + ".0"}}); got != http.StatusServiceUnavailable {
			t.Errorf("a return is answered with %d", got)
		}
	})
}

// A handshake that the connection's end overtakes is a new connection; one that
// the shutdown overtakes is told so.
func TestAReturnThatComesTooLate(t *testing.T) {
	for _, shutdown := range []bool{false, true} {
		t.Run(fmt.Sprint("shutdown ", shutdown), func(t *testing.T) {
			bubble(t, actors.Config{}, func(t *testing.T, w *world) {
				var g *guest
				var id messages.ID
				var overtake func()
				var got error
				up := &websocket.Upgrader{CheckOrigin: func(*http.Request) bool {
					if overtake != nil {
						overtake()
					}
					return true
				}}
				gone := 0
				g = w.guest(w.front(func(rw http.ResponseWriter, r *http.Request) {
					_, got = w.m.Accept(rw, r, actors.Client{Resume: window, Upgrader: up, Gone: func() { gone++ }})
				}))
				id = g.id()
				g.cut()
				if overtake = func() { _ = w.m.Close(context.Background(), id, 0, "") }; shutdown {
					overtake = func() { _ = w.m.Shutdown(context.Background()) }
				}
				synctest.Wait()
				if !shutdown {
					g.isNew()
					g.Close()
					return
				}
				if err := g.enter(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
					t.Errorf("told %v", err)
				}
				g.Close()
				synctest.Wait()
				if !errors.Is(got, messages.ErrShutdown) || gone != 1 {
					t.Errorf("Accept: %v, %d gone", got, gone)
				}
			})
		})
	}
}

package backend_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway/backend"
	"github.com/tetherws/tether/messages"
)

func echoing(config actors.Config) actors.Config {
	config.Handler = backend.Echo{}
	return config
}

func TestEchoSendsEachMessageBackAsItIs(t *testing.T) {
	bubble(t, echoing(actors.Config{}), func(t *testing.T, w *world) {
		c := w.connect()
		for _, data := range []string{"", "text", "\x00\xff"} {
			for _, kind := range []int{websocket.TextMessage, websocket.BinaryMessage} {
				if data == "\x00\xff" && kind == websocket.TextMessage {
					continue
				}
				_ = c.WriteMessage(kind, []byte(data))
				if k, d, err := c.ReadMessage(); err != nil || k != kind || string(d) != data {
					t.Errorf("%q of kind %d came back as %q of kind %d, %v", data, kind, d, k, err)
				}
			}
		}
		if got := w.elapsed(); got != 0 {
			t.Errorf("the echo took %v", got)
		}
	})
}

func TestEchoLosesNothingWhenItsQueueIsFull(t *testing.T) {
	const count = 1000
	for name, outbox := range map[string]actors.Outbox{
		"the default": {}, "one message": {Messages: 1}, "few bytes": {Bytes: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, echoing(actors.Config{Outbox: outbox}), func(t *testing.T, w *world) {
				c := w.connect()
				var writing sync.WaitGroup
				writing.Go(func() {
					for i := range count {
						c.say(fmt.Sprintf("%0999d", i))
					}
				})
				time.Sleep(5 * time.Second) // less than the WriteTimeout: nobody reads, and all queues are full
				for i := range count {
					_, data, err := c.ReadMessage()
					if n, _ := strconv.Atoi(string(data)); err != nil || n != i {
						t.Fatalf("message %d came back as %d, %v", i, n, err)
					}
				}
				writing.Wait()
				if info := w.only(); info.State != messages.Open || info.Written != count {
					t.Errorf("%+v", info)
				}
			})
		})
	}
}

func TestEchoTakesLongMessages(t *testing.T) {
	const size = 2 << 20
	config := actors.Config{ReadLimitAccepted: size, Outbox: actors.Outbox{Bytes: size}} // room for one
	bubble(t, echoing(config), func(t *testing.T, w *world) {
		c := w.connect()
		long := bytes.Repeat([]byte{'x'}, size)
		var writing sync.WaitGroup
		writing.Go(func() {
			for range 6 {
				_ = c.WriteMessage(websocket.TextMessage, long)
			}
		})
		defer writing.Wait()
		for range 6 {
			if _, data, err := c.ReadMessage(); err != nil || !bytes.Equal(data, long) {
				t.Fatalf("%d bytes, %v", len(data), err)
			}
		}
	})
}

func TestEchoSaysWhenAMessageIsTooLarge(t *testing.T) {
	bubble(t, echoing(actors.Config{Outbox: actors.Outbox{Bytes: 10}}), func(_ *testing.T, w *world) {
		c := w.connect()
		c.say(strings.Repeat("x", 10), strings.Repeat("x", 11))
		c.hears(strings.Repeat("x", 10))
		c.closedWith(1009, "message is too large to be sent back")
	})
}

func TestEchoEndsWithAClientThatNeverReads(t *testing.T) {
	bubble(t, echoing(actors.Config{}), func(t *testing.T, w *world) {
		c := w.connect()
		id := w.only().ID
		go func() {
			for c.WriteMessage(websocket.BinaryMessage, make([]byte, 32<<10)) == nil {
			}
		}()
		w.wait(id, messages.Closed)
		synctest.Wait() // or Shutdown still finds it, and tells what it left

		if got := w.elapsed(); got != 10*time.Second { // the WriteTimeout
			t.Errorf("it was held for %v", got)
		}
		if err := w.m.Shutdown(within(t, time.Second)); err != nil { // joins the handler
			t.Error(err)
		}
	})
}

func TestEchoDoesNotGoToADialedConnectionsNextSocket(t *testing.T) {
	bubble(t, echoing(actors.Config{}), func(t *testing.T, w *world) {
		openings := 0
		id, err := w.dialTo(nil, func(c *websocket.Conn) {
			if openings++; openings > 1 {
				_ = c.WriteMessage(websocket.TextMessage, []byte("second"))
				if _, data, err := c.ReadMessage(); string(data) != "second" {
					t.Errorf("the second socket got %.20q, %v", data, err)
				}
				return
			}
			for range 500 { // far more than the buffers hold, and nothing is read
				if c.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("first"), 5000)) != nil {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		w.wait(id, messages.Open)
		time.Sleep(5 * time.Second)
		w.cut()
		w.wait(id, messages.Backoff)
		w.wait(id, messages.Open)
		time.Sleep(time.Second) // the handler may wait for room yet
		synctest.Wait()
		if openings != 2 {
			t.Errorf("%d openings", openings)
		}
	})
}

func TestDiscardIsSilent(t *testing.T) {
	bubble(t, actors.Config{Handler: backend.Discard{}}, func(t *testing.T, w *world) {
		c := w.connect()
		for range 1000 {
			c.say("x")
		}
		c.quiet()
		if got := w.only().Received; got != 1000 {
			t.Errorf("%d messages were counted", got)
		}
	})
}

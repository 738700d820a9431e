package backend_test

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
)

const upstreamAddress = "upstream:80"

// dial has the manager hold a connection to a server that reads and is silent.
func (w *world) dial(labels map[string]string) (messages.ID, error) {
	return w.dialTo(labels, func(c *websocket.Conn) {})
}

// dialTo is dial to a server that does as told first.
func (w *world) dialTo(labels map[string]string, first func(*websocket.Conn)) (messages.ID, error) {
	w.listen(upstreamAddress, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var up websocket.Upgrader
		c, err := up.Upgrade(rw, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		first(c)
		for err == nil {
			_, _, err = c.ReadMessage()
		}
	}))
	return w.m.Dial(w.t.Context(), actors.Target{
		URL:    "ws://" + upstreamAddress + "/",
		Dialer: &websocket.Dialer{NetDialContext: w.net.DialContext},
		Labels: labels,
	})
}

// cut ends the connections to the upstream.
func (w *world) cut() {
	for _, c := range w.net.Conns() {
		if c.RemoteAddr().String() == upstreamAddress {
			c.Other().Close()
		}
	}
}

func (w *world) wait(id messages.ID, s messages.State) {
	w.t.Helper()
	if err := w.m.Wait(within(w.t, time.Hour), id, s); err != nil {
		w.t.Fatalf("waiting for %v: %v", s, err)
	}
}

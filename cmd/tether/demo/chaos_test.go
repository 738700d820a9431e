package demo

import (
	"fmt"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/cmd/tether/demo/witness"
)

func TestChaosStrikesWhateverIsWhole(t *testing.T) {
	server, err := witness.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	c := chaos{server: server, random: source(1)}
	for i := range 8 {
		c.ids = append(c.ids, fmt.Sprint(i))
		if i%2 == 0 { // the others never come
			connect(t, server.URL(c.ids[i]))
		}
	}
	for i := range 4 {
		if !c.strike() {
			t.Errorf("strike %d found no connection", i)
		}
	}
	if c.strike() {
		t.Error("a fifth of four connections was cut")
	}
}

// connect returns when the server has seen the handshake through.
func connect(t *testing.T, url string) {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ponged := make(chan struct{})
	conn.SetPongHandler(func(string) error { close(ponged); return nil })
	if err := conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _, _ = conn.NextReader() }()
	<-ponged
}

package gateway_test

import (
	"strings"
	"testing"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

func TestAGroupGetsWhatIsSentToIt(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		a, b, c := w.connect(actors.Client{}), w.connect(actors.Client{}), w.connect(actors.Client{})
		for _, group := range []string{"g", "a%2Fb", "caf%C3%A9", "%2e%2e%2e", "a%20b"} {
			for _, p := range []*controlPeer{a, b, b} { // again is no error
				w.do("PUT", "/v1/groups/"+group+"/"+p.id.String(), "").is(204)
			}
			w.do("POST", "/v1/groups/"+group, group).is(202).text(`{"admitted":2,"refused":0}`)
			for _, p := range []*controlPeer{a, b} {
				if m := p.next(); string(m.Data) != group || m.Kind != messages.KindText {
					t.Errorf("%v %q", m.Kind, m.Data)
				}
			}
			w.do("DELETE", "/v1/groups/"+group+"/"+a.id.String(), "").is(204)
			w.do("DELETE", "/v1/groups/"+group+"/"+c.id.String(), "").is(204) // never was one
			w.do("POST", "/v1/groups/"+group, "", "Content-Type: application/octet-stream").is(202).text(`{"admitted":1,"refused":0}`)
			if m := b.next(); m.Kind != messages.KindBinary {
				t.Errorf("%v", m.Kind)
			}
		}
		w.do("POST", "/v1/groups/nobody", "x").is(202).text(`{"admitted":0,"refused":0}`)
		w.do("POST", "/v1/broadcast", "all").is(202).text(`{"admitted":3,"refused":0}`)
		if m := c.next(); string(m.Data) != "all" {
			t.Errorf("a stranger to the groups got %q", m.Data)
		}
	})
}

func TestABroadcastTellsHowManyRefused(t *testing.T) {
	of := actors.Config{Outbox: actors.Outbox{Messages: 1}}
	controlBubbleOf(t, gateway.Config{}, of, func(t *testing.T, w *controlWorld) {
		p := w.connect(actors.Client{})
		down, err := w.m.Dial(t.Context(), actors.Target{URL: "ws://127.0.0.1:1/", Dialer: w.dialer()})
		if err != nil {
			t.Fatal(err)
		}
		w.do("PUT", "/v1/groups/g/"+p.id.String(), "").is(204)
		w.do("PUT", "/v1/groups/g/"+down.String(), "").is(204)
		w.do("POST", "/v1/groups/g", "1").is(202).text(`{"admitted":2,"refused":0}`)
		p.next()
		w.do("POST", "/v1/groups/g", "2").is(202).text(`{"admitted":1,"refused":1}`)
		p.next()
		w.do("POST", "/v1/broadcast?ttl=1m", "3", "Tether-Key: k").is(202).text(`{"admitted":1,"refused":1}`)
	})
}

func TestAGroupsNameIsChecked(t *testing.T) {
	controlBubble(t, gateway.Config{}, func(t *testing.T, w *controlWorld) {
		id := w.connect(actors.Client{}).id.String()
		for _, group := range []string{strings.Repeat("g", 257), "%00", "a%0d%0aX-Evil:%201", "%ff", "%2e", "%2E%2e", "%7f"} {
			w.do("PUT", "/v1/groups/"+group+"/"+id, "").refuses(400, "invalid", "group")
			w.do("DELETE", "/v1/groups/"+group+"/"+id, "").refuses(400, "invalid", "group")
			w.do("POST", "/v1/groups/"+group, "").refuses(400, "invalid", "group")
		}
		w.do("PUT", "/v1/groups/"+strings.Repeat("g", 256)+"/"+id, "").is(204)
		w.do("POST", "/v1/groups/g?confirm=1", "").refuses(400, "invalid", "confirm")
		w.do("POST", "/v1/broadcast?guarantee=x", "").refuses(400, "invalid", "guarantee")
		w.do("POST", "/v1/broadcast", "\xff", "Content-Type: text/plain").refuses(400, "invalid", "body")
	})
}

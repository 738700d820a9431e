package gateway_test

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
	"golang.org/x/net/dns/dnsmessage"
)

func TestDialOpensAConnectionThatTakesMessages(t *testing.T) {
	got := make(chan string, 10)
	var request *http.Request
	url := controlReal(t, func(w http.ResponseWriter, r *http.Request) {
		request = r
		up := websocket.Upgrader{Subprotocols: []string{"b"}}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		for {
			_, data, err := ws.ReadMessage()
			if err != nil {
				return
			}
			got <- string(data)
		}
	})
	w := newControlReal(t, gateway.Config{AllowPrivate: true})
	a := w.do("POST", "/v1/dial", `{
		"url": "`+url+`/feed?x=1", "id": "6BA7B810-9dad-11d1-80b4-00c04fd430c8", "pool": "p",
		"labels": {"user": "ann"}, "headers": {"X-Token": "t", "authorization": "Bearer u"},
		"subprotocols": ["a", "b"], "hello": ["hello", ""]
	}`, "Content-Type: application/json").is(201)
	const id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	a.text(`{"id":"` + id + `"}`)
	if got := a.header.Get("Location"); got != "/v1/connections/"+id {
		t.Errorf("Location is %q", got)
	}
	w.do("POST", a.header.Get("Location")+"?confirm=1", "data").is(200)
	for _, want := range []string{"hello", "", "data"} {
		if m := <-got; m != want {
			t.Errorf("%q came, want %q", m, want)
		}
	}
	if h := request.Header; h.Get("X-Token") != "t" || h.Get("Authorization") != "Bearer u" || request.URL.Path != "/feed" ||
		!slices.Equal(websocket.Subprotocols(request), []string{"a", "b"}) {
		t.Errorf("%v %v", request.URL, h)
	}
	var i controlInfo
	w.do("GET", a.header.Get("Location"), "").is(200).json(&i)
	if !i.Dialed || i.Labels["user"] != "ann" {
		t.Errorf("%+v", i)
	}
	w.do("POST", "/v1/dial", `{"url": "`+url+`", "id": "`+id+`"}`, "Content-Type: application/json").refuses(409, "duplicate", "")
	w.do("DELETE", a.header.Get("Location"), "").is(204)
}

func TestABodyThatIsNoTargetIsRefusedWithTheMemberAtFault(t *testing.T) {
	fleet := controlFleet{dial: func(target actors.Target) (messages.ID, error) {
		t.Errorf("%+v was dialed", target)
		return messages.ID{}, nil
	}}
	ask := controlOver(t, fleet, gateway.Config{AllowPrivate: true})
	const url = `"url":"ws://example.com"`
	for _, c := range []struct{ body, field string }{
		{``, "body"}, {`{`, "body"}, {`null`, "body"}, {`[]`, "body"}, {`"x"`, "body"}, {`{"url"}`, "body"}, {`{url:1}`, "body"},
		{`{` + url + `} {}`, "body"}, {`{` + url + `}x`, "body"}, {`{` + url + `,}`, "body"}, {"{\"url\":\"ws://\xff\"}", "body"},
		{`{}`, "url"}, {`{"url":""}`, "url"}, {`{"url":1}`, "url"}, {`{"url":null}`, "url"}, {`{"url":"example.com"}`, "url"},
		{`{"url":"http://example.com"}`, "url"}, {`{"url":"ws://"}`, "url"}, {`{"url":"ws://u:p@example.com"}`, "url"},
		{`{"url":"ws://example.com\r\nX: y"}`, "url"}, {`{"url":"ws://[::1"}`, "url"}, {`{"url":"file:///etc/passwd"}`, "url"},
		{`{"URL":"ws://example.com"}`, "URL"}, {`{` + url + `,"uri":1}`, "uri"}, {`{` + url + `,` + url + `}`, "url"},
		{`{` + url + `,"id":"1"}`, "id"}, {`{` + url + `,"id":7}`, "id"},
		{`{` + url + `,"labels":[]}`, "labels"}, {`{` + url + `,"labels":{"a":1}}`, "labels.a"}, {`{` + url + `,"labels":{"a":null}}`, "labels.a"},
		{`{` + url + `,"labels":{"a":"1","a":"2"}}`, "labels.a"}, {`{` + url + `,"labels":null}`, "labels"},
		{`{` + url + `,"headers":{"A B":"x"}}`, "headers.A B"}, {`{` + url + `,"headers":{"":"x"}}`, "headers."},
		{`{` + url + `,"headers":{"A":"x\r\nB: y"}}`, "headers.A"}, {`{` + url + `,"headers":{"A":"\u0000"}}`, "headers.A"},
		{`{` + url + `,"headers":{"A\r\nB":"x"}}`, "headers.A\r\nB"}, {`{` + url + `,"headers":{"Ü":"x"}}`, "headers.Ü"},
		{`{` + url + `,"headers":{"host":"x"}}`, "headers.host"}, {`{` + url + `,"headers":{"Upgrade":"x"}}`, "headers.Upgrade"},
		{`{` + url + `,"headers":{"sec-websocket-KEY":"x"}}`, "headers.sec-websocket-KEY"},
		{`{` + url + `,"headers":{"Transfer-Encoding":"chunked"}}`, "headers.Transfer-Encoding"},
		{`{` + url + `,"headers":{"Proxy-Authorization":"x"}}`, "headers.Proxy-Authorization"},
		{`{` + url + `,"subprotocols":"a"}`, "subprotocols"}, {`{` + url + `,"subprotocols":["a b"]}`, "subprotocols"},
		{`{` + url + `,"subprotocols":[""]}`, "subprotocols"}, {`{` + url + `,"subprotocols":["a","a"]}`, "subprotocols"},
		{`{` + url + `,"subprotocols":["a\r\nX: y"]}`, "subprotocols"}, {`{` + url + `,"subprotocols":["a"],"resume":true}`, "subprotocols"},
		{`{` + url + `,"hello":null}`, "hello"}, {`{` + url + `,"pool":null}`, "pool"}, {`{` + url + `,"resume":null}`, "resume"},
		{`{` + url + `,"hello":[1]}`, "hello"}, {`{` + url + `,"hello":[null]}`, "hello"}, {`{` + url + `,"hello":{}}`, "hello"},
		{`{` + url + `,"pool":{}}`, "pool"}, {`{` + url + `,"resume":"yes"}`, "resume"},
		{strings.Repeat(`{"a":`, 5000), "a"}, {`{"labels":` + strings.Repeat(`[`, 50_000), "body"},
	} {
		ask(controlRequest("POST", "/v1/dial", c.body)).refuses(400, "invalid", c.field)
	}
	ask(controlRequest("POST", "/v1/dial", `{`+url+`,"headers":{"A":"x","a":"y"}}`)).is(400)
	ask(controlRequest("POST", "/v1/dial", `{`+url+`,"pool":"`+strings.Repeat("x", 64<<10)+`"}`)).refuses(413, "too_large", "")
	ask(controlRequest("POST", "/v1/dial?url=x", `{`+url+`}`)).refuses(400, "invalid", "url")
}

func TestDialPassesOnWhatItIsAskedFor(t *testing.T) {
	var target actors.Target
	fleet := controlFleet{dial: func(asked actors.Target) (messages.ID, error) {
		target = asked
		return messages.NewID(), nil
	}}
	ask := controlOver(t, fleet, gateway.Config{})
	ask(controlRequest("POST", "/v1/dial", `{"url":"wss://example.com/","pool":"p","resume":true,"headers":{"x-a":"1"},"hello":["h"]}`)).is(201)
	if target.URL != "wss://example.com/" || target.Pool != "p" || !target.Resume || !target.ID.IsZero() || target.Dialer.Proxy != nil {
		t.Errorf("%+v", target)
	}
	_, h, err := target.Request(t.Context(), messages.Attempt{})
	if err != nil || len(h) != 1 || h.Get("X-A") != "1" {
		t.Errorf("%v, %v", h, err)
	}
	h.Set("X-A", "2") // an attempt's own copy
	if _, h, _ = target.Request(t.Context(), messages.Attempt{}); h.Get("X-A") != "1" {
		t.Errorf("%v", h)
	}
	ms, err := target.Hello(t.Context(), actors.Conn{})
	if err != nil || len(ms) != 1 || ms[0].Kind != messages.KindText || string(ms[0].Data) != "h" {
		t.Errorf("%v, %v", ms, err)
	}
}

func TestDialRefusesTargetsThatSayThemselvesThatTheyArePrivate(t *testing.T) {
	dialed := 0
	fleet := controlFleet{dial: func(actors.Target) (messages.ID, error) { dialed++; return messages.NewID(), nil }}
	ask, free := controlOver(t, fleet, gateway.Config{}), controlOver(t, fleet, gateway.Config{AllowPrivate: true})
	for _, host := range []string{
		"localhost", "LOCALHOST.", "a.localhost:81", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::ffff:127.0.0.1]:1", "10.0.0.1",
		"192.168.1.1", "172.31.255.255", "169.254.169.254", "[fe80::1%25eth0]", "[fd00::1]", "0.0.0.0", "[::]", "100.64.0.1",
		"224.0.0.1", "[ff02::1]", "255.255.255.255",
	} {
		body := `{"url":"ws://` + host + `/"}`
		ask(controlRequest("POST", "/v1/dial", body)).refuses(403, "target_forbidden", "")
		free(controlRequest("POST", "/v1/dial", body)).is(201)
	}
	if dialed != 19 {
		t.Errorf("%d were dialed", dialed)
	}
	for _, host := range []string{"example.com", "8.8.8.8", "[2606:4700::1]:443", "localhost.example.com", "notlocalhost"} {
		ask(controlRequest("POST", "/v1/dial", `{"url":"wss://`+host+`"}`)).is(201)
	}
}

func TestOnlyAddressesOfTheInternetArePublic(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "172.15.255.255": true, "172.32.0.0": true, "100.63.255.255": true, "100.128.0.0": true,
		"192.167.1.1": true, "198.17.0.1": true, "198.20.0.1": true, "223.255.255.255": true, "11.0.0.0": true, "128.0.0.1": true,
		"2606:4700::1": true, "2a00::1": true, "2001:4860:4860::8888": true, "::ffff:8.8.8.8": true,
		"64:ff9b::808:808": true, "2002:808:808::1": true,

		"0.0.0.0": false, "0.1.2.3": false, "10.255.255.255": false, "100.64.0.0": false, "100.127.255.255": false,
		"127.255.255.255": false, "169.254.0.1": false, "172.16.0.0": false, "192.0.0.1": false, "192.0.2.1": false,
		"192.168.0.0": false, "198.18.0.0": false, "198.19.255.255": false, "198.51.100.1": false, "203.0.113.1": false,
		"224.0.0.0": false, "239.255.255.255": false, "240.0.0.0": false, "255.255.255.255": false,
		"::": false, "::1": false, "::7f00:1": false, "::ffff:10.0.0.1": false, "::ffff:0:0": false, "::ffff:169.254.169.254": false,
		"64:ff9b::a00:1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::808:808": false, "2002:7f00:1::": false, "2002:a00:1::1": false,
		"fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "fc00::1": false, "fdff::1": false, "ff02::1": false, "ff0e::1": false,
		"2001::1": false, "2001:db8::1": false, "3fff::1": false, "100::1": false, "4000::1": false,
	} {
		if got := gateway.Public(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

// controlNames resolves every name, each time to the next address of a list.
func controlNames(t *testing.T, addrs ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(addrs[0]).As4()},
				}}
				addrs = append(addrs[1:], addrs[0])
			}
			answer, _ := m.Pack()
			_, _ = conn.WriteTo(answer, from)
		}
	})
	t.Cleanup(func() { conn.Close(); serving.Wait() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// The name is one of the internet's, and its address is not.
func TestATargetIsJudgedByTheAddressThatItsNameResolvesTo(t *testing.T) {
	url := controlReal(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("reached: %v", r.URL) })
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "ws://"))
	w := newControlReal(t, gateway.Config{})
	for _, scheme := range []string{"ws", "wss"} {
		for _, addr := range []string{"127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0"} {
			id, err := w.m.Dial(t.Context(), actors.Target{
				URL:    scheme + "://rebinding.example.:" + port + "/",
				Dialer: gateway.GuardedDialer(controlNames(t, addr)),
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			err = w.m.Wait(ctx, id, messages.Parked)
			cancel()
			var i controlInfo
			w.do("GET", "/v1/connections/"+id.String(), "").is(200).json(&i)
			if err != nil || i.State != "parked" || !strings.Contains(i.History[len(i.History)-1].Cause, "the target is private") {
				t.Errorf("%s: %v, %+v", addr, err, i)
			}
		}
	}
}

// What a name resolved to the last time does not count.
func TestATargetIsJudgedAtEveryAttempt(t *testing.T) {
	url := controlReal(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("reached: %v", r.URL) })
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "ws://"))
	w := newControlReal(t, gateway.Config{})
	parked := w.feed.Subscribe(10, func(e messages.Event) bool {
		transition, ok := e.(messages.EventTransition)
		return ok && transition.To == messages.Parked
	})
	defer parked.Close()
	id, err := w.m.Dial(t.Context(), actors.Target{
		URL:    "ws://rebinding.example.:" + port + "/",
		Dialer: gateway.GuardedDialer(controlNames(t, "10.1.2.3", "127.0.0.1", "100.64.1.1")),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{"10.1.2.3", "127.0.0.1", "100.64.1.1"} {
		select {
		case e := <-parked.Events():
			if cause := e.(messages.EventTransition).Cause.Error(); !strings.Contains(cause, addr+":"+port) {
				t.Errorf("%s: %s", addr, cause)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: no attempt", addr)
		}
		w.do("POST", "/v1/connections/"+id.String()+"/retry", "").is(202)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	inside := controlReal(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("reached: %v", r.URL) })
	url := controlReal(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(inside, "ws", "http", 1), http.StatusTemporaryRedirect)
	})
	w := newControlReal(t, gateway.Config{AllowPrivate: true})
	a := w.do("POST", "/v1/dial", `{"url":"`+url+`"}`, "Content-Type: application/json").is(201)
	var ref struct{ ID messages.ID }
	a.json(&ref)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := w.m.Wait(ctx, ref.ID, messages.Parked); err != nil {
		t.Error(err)
	}
}

func TestADrainingGatewayDialsNoMore(t *testing.T) {
	w := newControlReal(t, gateway.Config{AllowPrivate: true})
	w.g.Drain(t.Context(), 1012, 0)
	a := w.do("POST", "/v1/dial", `{"url":"ws://example.com"}`, "Content-Type: application/json").refuses(503, "draining", "")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

package actors_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

func TestServeHTTPHoldsTheConnectionAndReturns(t *testing.T) {
	said := &diary{}
	bubble(t, actors.Config{Handler: said}, func(t *testing.T, w *world) {
		returned := make(chan *http.Request, 1)
		addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
			w.m.ServeHTTP(rw, r)
			returned <- r
		})
		ws := w.calls(addr)
		defer ws.Close()
		synctest.Wait()
		if r := <-returned; r.Context().Err() == nil {
			t.Error("the request's context goes on")
		}
		id := w.only()
		w.state(id, messages.Open)
		_ = ws.WriteMessage(websocket.TextMessage, []byte("in"))
		w.send(id, messages.Text("out"))
		if _, data, err := ws.ReadMessage(); string(data) != "out" || err != nil {
			t.Errorf("%q, %v", data, err)
		}
		synctest.Wait()
		if want := []string{"opened", "text in"}; !slices.Equal(said.all(), want) {
			t.Errorf("the handler was told %q", said.all())
		}
		if info := w.info(id); info.Dialed || info.Incarnation != 1 || info.Peer != ws.LocalAddr().String() {
			t.Errorf("%+v", info)
		}
	})
}

func TestOtherOriginsAreRefused(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		addr := w.front(w.m.ServeHTTP)
		for origin, want := range map[string]int{
			"http://evil.example": http.StatusForbidden, "null": http.StatusForbidden,
			"http://" + addr: http.StatusSwitchingProtocols, "": http.StatusSwitchingProtocols,
		} {
			h := http.Header{}
			if origin != "" {
				h.Set("Origin", origin)
			}
			if got := w.status(addr, h); got != want {
				t.Errorf("origin %q was answered with %d, want %d", origin, got, want)
			}
		}
	})
}

func TestAnIDInUseIsRefused(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		id := w.dial(w.target())
		said := &diary{}
		var got error
		addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
			_, got = w.m.Accept(rw, r, actors.Client{ID: id, Handler: said})
		})
		if status := w.status(addr, nil); status != http.StatusConflict || !errors.Is(got, messages.ErrDuplicateID) {
			t.Errorf("%d, %v", status, got)
		}
		w.state(id, messages.Open)
		if len(said.all()) != 0 {
			t.Errorf("the handler of a refused client was told %q", said.all())
		}
	})
}

func TestAfterShutdownClientsAreRefused(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		var got error
		addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
			_, got = w.m.Accept(rw, r, actors.Client{})
		})
		if err := w.m.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status := w.status(addr, nil); status != http.StatusServiceUnavailable || !errors.Is(got, messages.ErrShutdown) {
			t.Errorf("%d, %v", status, got)
		}
	})
}

func TestABadClientIsInvalid(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		var got error
		addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
			_, got = w.m.Accept(rw, r, actors.Client{Heartbeat: &actors.Heartbeat{Idle: -1}})
		})
		if status := w.status(addr, nil); status != http.StatusInternalServerError || !errors.Is(got, messages.ErrInvalid) {
			t.Errorf("%d, %v", status, got)
		}
	})
}

func TestAFailedUpgradeLeavesItsIDFree(t *testing.T) {
	id, said := messages.NewID(), &diary{}
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
			_, _ = w.m.Accept(rw, r, actors.Client{ID: id, Handler: said})
		})
		c := w.connect(addr)
		defer c.Close()
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: front\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != http.StatusBadRequest {
			t.Fatal(resp, err)
		}
		defer resp.Body.Close()
		if _, err := w.m.Info(id); !errors.Is(err, messages.ErrUnknownConnection) {
			t.Errorf("Info: %v", err)
		}
		if len(said.all()) != 0 {
			t.Errorf("the handler was told %q", said.all())
		}
		ws := w.calls(addr)
		defer ws.Close()
		w.state(id, messages.Open)
	})
}

func TestAcceptNeedsAConnectionThatCanBeTakenOver(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for k, v := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		} {
			r.Header.Set(k, v)
		}
		rec := httptest.NewRecorder()
		if _, err := w.m.Accept(rec, r, actors.Client{}); err == nil || rec.Code != http.StatusInternalServerError {
			t.Errorf("%v, answered with %d", err, rec.Code)
		}
	})
}

func TestSubprotocolLabelsAndHeaderOfAClient(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		opened := make(chan actors.Conn, 1)
		labels := map[string]string{"user": "ada"}
		addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
			_, _ = w.m.Accept(rw, r, actors.Client{
				Handler: &onOpened{opened}, Labels: labels,
				Subprotocols: []string{"v2", "v1"}, Header: http.Header{"X-Node": {"seven"}},
			})
			labels["user"] = "changed"
		})
		d := websocket.Dialer{NetDialContext: w.net.DialContext, Subprotocols: []string{"v1", "v0"}}
		ws, resp, err := d.Dial("ws://"+addr+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		c := <-opened
		synctest.Wait()
		if c.Subprotocol() != "v1" || ws.Subprotocol() != "v1" || c.Labels()["user"] != "ada" || resp.Header.Get("X-Node") != "seven" {
			t.Errorf("%q, %q, %v, %v", c.Subprotocol(), ws.Subprotocol(), c.Labels(), resp.Header)
		}
	})
}

func TestDataRightBehindTheHandshakeIsRead(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		p := rawClient(w, false)
		defer p.Close()
		var stream []byte
		for i := range 50 {
			stream = append(stream, p.frame(finText, fmt.Append(nil, i))...)
		}
		p.put(stream)
		synctest.Wait()
		if got := p.said.all(); len(got) != 51 || got[50] != "text 49" {
			t.Errorf("was told %q", got)
		}
	})
	bubble(t, actors.Config{}, func(t *testing.T, w *world) { // in one packet with a server's answer
		said := &diary{}
		l, err := w.net.Listen("raw:80")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		target := w.target()
		target.URL, target.Handler = "ws://raw:80/", said
		if _, err := w.m.Dial(t.Context(), target); err != nil {
			t.Fatal(err)
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var greeting []byte
		for i := range 50 {
			greeting = append(greeting, encode(finBinary, pattern(i), false)...)
		}
		shakeHands(t, glued{conn.(*drops.Conn), greeting}, bufio.NewReader(conn), false)
		synctest.Wait()
		if got := said.all(); len(got) != 51 || len(said.data()) != 49 {
			t.Errorf("was told %d things, at last %d bytes", len(got), len(said.data()))
		}
	})
}

// glued writes something behind all that is written, at once.
type glued struct {
	*drops.Conn
	behind []byte
}

func (g glued) Write(b []byte) (int, error) {
	n, err := g.Conn.Write(append(slices.Clone(b), g.behind...))
	return min(n, len(b)), err
}

func TestAnAcceptedClientThatDropsIsClosed(t *testing.T) {
	for name, test := range map[string]struct {
		drop func(*raw)
		want []string
		end  messages.CloseError
	}{
		"reset": {
			func(p *raw) { _ = drops.Reset{}.Inject(p.Conn.(*drops.Conn)) },
			[]string{"opened", "dropped", "closed"}, messages.CloseError{Code: 1006},
		},
		"end without a close frame": {
			func(p *raw) { _ = p.CloseWrite() },
			[]string{"opened", "dropped", "closed"}, messages.CloseError{Code: 1006},
		},
		"end inside a frame": {
			func(p *raw) { p.put(p.frame(finText, []byte("torn"))[:4]); _ = p.CloseWrite() },
			[]string{"opened", "dropped", "closed"}, messages.CloseError{Code: 1006},
		},
		"close frame": {
			func(p *raw) { p.put(p.frame(finClose, closePayload(4001, "bye"))) },
			[]string{"opened", "closed"}, messages.CloseError{Code: 4001, Reason: "bye", Remote: true},
		},
		"close frame without a code": {
			func(p *raw) { p.put(p.frame(finClose, nil)) },
			[]string{"opened", "closed"}, messages.CloseError{Code: 1005, Remote: true},
		},
		"violation": {
			func(p *raw) { p.put(p.frame(finText, []byte{0xff})) },
			[]string{"opened", "dropped", "closed"}, messages.CloseError{Code: 1007, Reason: "text is not UTF-8"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, actors.Config{}, func(t *testing.T, w *world) {
				p := rawClient(w, false)
				defer p.Close()
				synctest.Wait()
				test.drop(p)
				w.wait(p.id, messages.Closed)
				synctest.Wait()
				if got := p.said.all(); !slices.Equal(got, test.want) {
					t.Errorf("was told %q, want %q", got, test.want)
				}
				var end *messages.CloseError
				if err := p.said.ended(); !errors.As(err, &end) || end.ID != p.id || end.Code != test.end.Code ||
					end.Reason != test.end.Reason || end.Remote != test.end.Remote {
					t.Errorf("ended with %#v, want %#v", end, test.end)
				}
				time.Sleep(time.Hour)
				if _, err := w.m.Info(p.id); !errors.Is(err, messages.ErrUnknownConnection) {
					t.Errorf("an hour later: %v", err)
				}
			})
		})
	}
}

func TestASilentClientIsCutAtIdlePlusTimeout(t *testing.T) {
	bubble(t, actors.Config{}, func(t *testing.T, w *world) {
		p := rawClient(w, false)
		defer p.Close()
		p.put(p.frame(finText, []byte("x")))
		start := time.Now()
		go io.Copy(io.Discard, p.in)
		w.wait(p.id, messages.Closed)
		if found := time.Since(start); found != 35*time.Second {
			t.Errorf("found after %v", found)
		}
	})
}

// A client may fail before its actor runs: a slow OnEvent makes sure of it.
func TestAClientThatFailsAtOnceIsToldAndEnds(t *testing.T) {
	for _, leaves := range []bool{true, false} {
		config := actors.Config{OnEvent: func(e messages.Event) {
			if e, ok := e.(messages.EventTransition); ok && e.To == messages.Open {
				time.Sleep(time.Millisecond)
			}
		}}
		t.Run(fmt.Sprint("leaves ", leaves), func(t *testing.T) {
			bubble(t, config, func(t *testing.T, w *world) {
				id, said := messages.NewID(), &diary{}
				addr := w.front(func(rw http.ResponseWriter, r *http.Request) {
					_, _ = w.m.Accept(rw, r, actors.Client{ID: id, Handler: said})
				})
				ws := w.calls(addr)
				defer ws.Close()
				start := time.Now()
				conn := ws.NetConn().(*drops.Conn)
				_, _ = conn.Write(encode(0x83, nil, true))
				if leaves {
					_ = conn.CloseWrite()
				}
				w.wait(id, messages.Closed)
				if took := time.Since(start); took > time.Second+time.Millisecond {
					t.Errorf("closed after %v", took)
				}
				synctest.Wait()
				if want := []string{"opened", "dropped", "closed"}; !slices.Equal(said.all(), want) {
					t.Errorf("was told %q", said.all())
				}
				var end *messages.CloseError
				if !errors.As(said.ended(), &end) || end.Code != 1002 {
					t.Errorf("ended with %v", said.ended())
				}
				if _, _, err := ws.ReadMessage(); !leaves && !websocket.IsCloseError(err, 1002) {
					t.Errorf("the peer read %v", err)
				}
			})
		})
	}
}

// onOpened passes on the Conn of each Opened.
type onOpened struct {
	to chan actors.Conn
}

func (h *onOpened) Opened(c actors.Conn) error {
	h.to <- c
	return nil
}
func (*onOpened) Message(actors.Conn, messages.Message) error { return nil }
func (*onOpened) Dropped(actors.Conn, error)                  {}
func (*onOpened) Closed(actors.Conn, error)                   {}

// only returns the ID of the one connection.
func (w *world) only() (id messages.ID) {
	w.t.Helper()
	n := 0
	for info := range w.m.Connections() {
		id, n = info.ID, n+1
	}
	if n != 1 {
		w.t.Fatalf("%d connections, want 1", n)
	}
	return id
}

// status is what a handshake at addr is answered with.
func (w *world) status(addr string, h http.Header) int {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	d := websocket.Dialer{NetDialContext: w.net.DialContext}
	ws, resp, err := d.DialContext(ctx, "ws://"+addr+"/", h)
	if err == nil {
		_ = ws.Close()
	}
	if resp == nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode
}

package page

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Subprotocol is what the page speaks with /live. It is between the page and
// its own server, and may change with any version.
const Subprotocol = "tether.page.v1"

const (
	maxAsked  = 4 << 10          // bytes of what a page asks for
	beat      = 2 * time.Second  // between the signs of life that a page sees
	pingEvery = 15 * time.Second // and those that its browser answers
	alive     = 40 * time.Second // since the last sign of its life
)

// heart is what a page is sent when there is nothing else.
var heart = []byte(`{"heart":1}`)

// viewer is an open page.
type viewer struct {
	ws   *websocket.Conn
	gone chan struct{} // closed when the page is

	mu    sync.Mutex
	asks  query
	news  frame         // not yet sent
	woken chan struct{} // there are news
}

// frame is what a page is told. A part that it already has is left out.
type frame struct {
	Overview json.RawMessage `json:"overview,omitempty"`
	Table    *table          `json:"table,omitempty"`
	Detail   *detail         `json:"detail,omitempty"`
}

func newViewer() *viewer {
	return &viewer{gone: make(chan struct{}), woken: make(chan struct{}, 1), asks: query{order: byTrouble}}
}

var upgrader = websocket.Upgrader{HandshakeTimeout: patience, Subprotocols: []string{Subprotocol}}

// live serves an open page until it is gone.
func (p *Page) live(w http.ResponseWriter, r *http.Request) {
	v := newViewer()
	if !p.admit(v) {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many status pages are open", http.StatusServiceUnavailable)
		return
	}
	defer p.leave(v)
	if !websocket.IsWebSocketUpgrade(r) {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "the status page's WebSocket", http.StatusUpgradeRequired)
		return
	}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // has been answered
	}
	v.ws = ws
	var writing sync.WaitGroup
	writing.Go(func() { v.write(p.ctx.Done()) })
	v.read(p.ask)
	close(v.gone)
	writing.Wait()
}

// tell adds f to what the page is to be sent. Of each part only the newest
// waits: a slow page is told less often. It does not block.
func (v *viewer) tell(f frame) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if f.Overview != nil {
		v.news.Overview = f.Overview
	}
	if f.Table != nil {
		v.news.Table = f.Table
	}
	if f.Detail != nil {
		v.news.Detail = f.Detail
	}
	select {
	case v.woken <- struct{}{}:
	default: // it has not yet taken the last news
	}
}

func (v *viewer) take() frame {
	v.mu.Lock()
	defer v.mu.Unlock()
	f := v.news
	v.news = frame{}
	return f
}

// wants returns what the page asks for.
func (v *viewer) wants() query {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.asks
}

// read takes what the page asks for, until its socket ends.
func (v *viewer) read(asked func()) {
	defer v.ws.Close()
	v.ws.SetReadLimit(maxAsked)
	extend := func(string) error { return v.ws.SetReadDeadline(time.Now().Add(alive)) }
	v.ws.SetPongHandler(extend)
	for extend("") == nil {
		_, data, err := v.ws.ReadMessage()
		if err != nil {
			return
		}
		q, err := parseQuery(data)
		if err != nil {
			v.hangUp(websocket.ClosePolicyViolation)
			return
		}
		v.mu.Lock()
		v.asks = q
		v.mu.Unlock()
		asked()
	}
}

// write sends the news, or a heart where there are none, until the page is
// gone or has to go.
func (v *viewer) write(end <-chan struct{}) {
	defer v.ws.Close()
	hearts, pings := time.NewTicker(beat), time.NewTicker(pingEvery)
	defer hearts.Stop()
	defer pings.Stop()
	for err := error(nil); err == nil; {
		select {
		case <-v.gone:
			return
		case <-end:
			v.hangUp(websocket.CloseGoingAway)
			return
		case <-v.woken:
			var data []byte
			if data, err = json.Marshal(v.take()); err == nil {
				err = v.send(data)
			}
			hearts.Reset(beat)
		case <-hearts.C:
			err = v.send(heart)
		case <-pings.C:
			err = v.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience))
		}
	}
}

func (v *viewer) send(data []byte) error {
	v.ws.SetWriteDeadline(time.Now().Add(patience))
	return v.ws.WriteMessage(websocket.TextMessage, data)
}

// hangUp tells the page to go away. It may fail: the socket is closed next.
func (v *viewer) hangUp(code int) {
	_ = v.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
}

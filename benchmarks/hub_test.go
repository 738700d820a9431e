//go:build unix

package benchmarks_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
)

// The hub's numbers; queue and write deadline are the chat example's. It beats
// at 10 s, when Tether first does.
const (
	hubQueue     = 256
	hubWriteWait = 10 * time.Second
	hubBeat      = 10 * time.Second
	hubPongWait  = 60 * time.Second
)

// hub is what one writes by hand for want of a library.
type hub struct {
	ids []messages.ID

	mu      sync.RWMutex
	clients map[messages.ID]*hubClient

	running sync.WaitGroup
}

// hubClient is a connection of the hub, with a goroutine for each direction.
type hubClient struct {
	conn    *websocket.Conn
	queue   chan []byte
	written atomic.Uint64
	pongs   atomic.Uint64
}

func openHub(url string, n int, heartbeat bool) (fleet, error) {
	h := &hub{clients: make(map[messages.ID]*hubClient)}
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, ReadBufferSize: 1024, WriteBufferSize: 1024}
	for range n {
		conn, _, err := dialer.Dial(url, nil)
		if err != nil {
			return nil, errors.Join(err, h.close())
		}
		h.add(conn, heartbeat)
	}
	return h, nil
}

func (h *hub) add(conn *websocket.Conn, heartbeat bool) {
	c := &hubClient{conn: conn, queue: make(chan []byte, hubQueue)}
	id := messages.NewID()
	h.ids = append(h.ids, id)
	h.mu.Lock()
	h.clients[id] = c
	h.mu.Unlock()
	h.running.Go(func() { c.read(heartbeat) })
	h.running.Go(func() { c.write(heartbeat) })
}

func (h *hub) send(i int, payload []byte) error {
	select {
	case h.client(i).queue <- payload:
		return nil
	default:
		return messages.ErrQueueFull
	}
}

func (h *hub) client(i int) *hubClient {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.clients[h.ids[i]]
}

func (h *hub) written(i int) uint64 { return h.client(i).written.Load() }

func (h *hub) beaten(i int) bool { return h.client(i).pongs.Load() > 0 }

func (h *hub) close() error {
	for i := range h.ids {
		c := h.client(i)
		close(c.queue)
		c.conn.Close()
	}
	h.running.Wait()
	return nil
}

func (c *hubClient) read(heartbeat bool) {
	if heartbeat {
		c.conn.SetReadDeadline(time.Now().Add(hubPongWait))
		c.conn.SetPongHandler(func(string) error {
			c.pongs.Add(1)
			return c.conn.SetReadDeadline(time.Now().Add(hubPongWait))
		})
	}
	for {
		if _, _, err := c.conn.ReadMessage(); err != nil {
			return
		}
	}
}

func (c *hubClient) write(heartbeat bool) {
	var beat <-chan time.Time
	if heartbeat {
		ticker := time.NewTicker(hubBeat)
		defer ticker.Stop()
		beat = ticker.C
	}
	for {
		select {
		case payload, more := <-c.queue:
			if !more || c.frame(websocket.BinaryMessage, payload) != nil {
				return
			}
			c.written.Add(1)
		case <-beat:
			if c.frame(websocket.PingMessage, nil) != nil {
				return
			}
		}
	}
}

func (c *hubClient) frame(kind int, payload []byte) error {
	c.conn.SetWriteDeadline(time.Now().Add(hubWriteWait))
	return c.conn.WriteMessage(kind, payload)
}

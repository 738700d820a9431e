package gateway_test

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

// crowdMember reads what is said to the group, and notes what comes later than
// at the instant at which it was sent.
func crowdMember(ws *websocket.Conn, read, late *atomic.Int64) {
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			return
		}
		read.Add(1)
		if sent := int64(binary.BigEndian.Uint64(data)); time.Now().UnixNano() != sent {
			late.Add(1)
		}
	}
}

func TestAStuckReaderAmongThousandsIsClosedAndDelaysNobody(t *testing.T) {
	const (
		clients, group = 5000, 500
		said, gap      = 300, 10 * time.Millisecond
		writeTimeout   = 10 * time.Second // the manager's
	)
	admissionBubble(t, gateway.Config{MaxPerIP: clients, RatePerIP: clients, Heartbeat: admissionQuiet}, func(t *testing.T, w *admissionWorld) {
		stuck := w.connect()
		defer stuck.Close()
		stuckID := admissionOnly(w)
		var (
			readers    sync.WaitGroup
			read, late atomic.Int64
		)
		for range clients - 1 {
			ws := w.connect()
			defer ws.Close()
			readers.Go(func() { crowdMember(ws, &read, &late) })
		}
		members := 1
		_ = w.m.Join(stuckID, "news")
		for info := range w.m.Connections() {
			if members < group && info.ID != stuckID {
				_ = w.m.Join(info.ID, "news")
				members++
			}
		}
		start, refused := time.Now(), 0
		for range said {
			data := make([]byte, 4<<10)
			binary.BigEndian.PutUint64(data, uint64(time.Now().UnixNano()))
			_, r := w.m.Broadcast("news", messages.Binary(data))
			refused += r
			synctest.Wait()
			if info, _ := w.m.Info(stuckID); info.Queued > 256 || info.QueuedBytes > 1<<20 {
				t.Fatalf("%d messages wait, %d bytes", info.Queued, info.QueuedBytes)
			}
			time.Sleep(gap)
		}
		if n := read.Load(); n != said*(group-1) || late.Load() != 0 {
			t.Errorf("the others read %d messages, %d of them late", n, late.Load())
		}
		if refused == 0 {
			t.Error("the stuck reader's queue was never full")
		}
		_ = w.m.Wait(t.Context(), stuckID, messages.Closed)
		_, err := w.m.Info(stuckID)
		if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took < writeTimeout || took > writeTimeout+said*gap {
			t.Errorf("closed after %v: %v", took, err)
		}
		if open := w.m.Stats().In(messages.Open); open != clients-1 {
			t.Errorf("%d of the others are open", open)
		}
		for _, c := range w.net.Conns() {
			c.Close()
		}
		readers.Wait()
	})
}

// admissionOnly is the ID of the only connection.
func admissionOnly(w *admissionWorld) (id messages.ID) {
	for info := range w.m.Connections() {
		id = info.ID
	}
	return id
}

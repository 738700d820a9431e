package drops_test

import (
	"io"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tetherws/tether/supervision/drops"
)

func program(d direction, first byte, payload string) wireFrame {
	return wireFrame{first, d.masked, payload}
}

func TestPongsAreWithheldAndNothingElse(t *testing.T) {
	for _, end := range []string{"client", "server"} {
		onBoth(t, func(t *testing.T, p pair) {
			open(t, p)
			d := bothEnds(p)[end]
			start := program(d, textOp, "sta")
			pong := program(d, finBit|pongOp, "pong")
			rest := program(d, finBit, "rt")
			ping := program(d, finBit|pingOp, "ping")
			wantInject(t, drops.Pongs{}, d.from)
			wantWrite(t, d.from, program(d, finBit|pongOp, "").encode()+start.encode()+pong.encode()+rest.encode()+pong.encode())
			wantWrite(t, d.from, pong.encode())
			for _, f := range []wireFrame{ping, pong, ping} { // a byte each Write
				_, _ = byteWriter{d.from}.Write([]byte(f.encode()))
			}
			wantFrames(t, d.to, start, rest, ping, ping)
			wantNothing(t, d.to)
			d.from.Heal()
			wantWrite(t, d.from, pong.encode())
			wantFrames(t, d.to, pong)
			wantNothing(t, d.to)
		})
	}
}

func TestPongsComeSoMuchLater(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		open(t, p)
		d := bothEnds(p)["server"]
		start := time.Now()
		one, two := program(d, finBit|pongOp, "one"), program(d, finBit|pongOp, "two")
		text := program(d, finBit|textOp, "text")
		wantInject(t, drops.Pongs{Late: time.Second}, d.from)
		wantWrite(t, d.from, one.encode()[:3])
		time.Sleep(100 * time.Millisecond) // late is counted from its last byte
		wantWrite(t, d.from, one.encode()[3:]+text.encode())
		time.Sleep(200 * time.Millisecond)
		wantWrite(t, d.from, two.encode())
		wantReadAt(t, d.to, text.encode(), start, 300*time.Millisecond)
		wantReadAt(t, d.to, one.encode(), start, 1100*time.Millisecond)
		wantReadAt(t, d.to, two.encode(), start, 1300*time.Millisecond)
	})
}

func TestALatePongWaitsForTheEndOfAFrame(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		open(t, p)
		d := bothEnds(p)["client"]
		start := time.Now()
		pong := program(d, finBit|pongOp, "pong")
		text := program(d, finBit|textOp, "text")
		wantInject(t, drops.Pongs{Late: time.Second}, d.from)
		wantWrite(t, d.from, pong.encode()+text.encode()[:5])
		time.Sleep(time.Minute)
		wantWrite(t, d.from, text.encode()[5:])
		wantReadAt(t, d.to, text.encode()+pong.encode(), start, time.Minute)
	})
}

func TestLatePongsLeaveAtTheHealing(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		open(t, p)
		d := bothEnds(p)["server"]
		one, two := program(d, finBit|pongOp, "one"), program(d, finBit|pongOp, "two")
		wantInject(t, drops.Pongs{Late: time.Hour}, d.from)
		wantWrite(t, d.from, one.encode()+two.encode()[:1])
		wantNothing(t, d.to)
		d.from.Heal()
		wantFrames(t, d.to, one)
		wantWrite(t, d.from, two.encode()[1:])
		wantFrames(t, d.to, two)
		wantNothing(t, d.to)
	})
}

// A half pong can neither be lost nor overtaken once its end is to leave.
func TestAPongUnderWayIsSpared(t *testing.T) {
	onBoth(t, func(t *testing.T, p pair) {
		open(t, p)
		d := bothEnds(p)["client"]
		pong := program(d, finBit|pongOp, "pong").encode()
		wantWrite(t, d.from, pong[:4])
		wantInject(t, drops.Pongs{}, d.from)
		wantWrite(t, d.from, pong[4:]+pong)
		wantRead(t, d.to, pong)
		wantNothing(t, d.to)
	})
}

func TestNoPongIsLateBehindAFIN(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		open(t, p)
		d := bothEnds(p)["client"]
		wantInject(t, drops.Pongs{Late: time.Second}, d.from)
		wantWrite(t, d.from, program(d, finBit|pongOp, "pong").encode())
		wantInject(t, drops.FIN{}, d.from)
		time.Sleep(time.Minute)
		wantReadError(t, d.to, io.EOF)
		wantWrite(t, d.to, "back")
		wantRead(t, d.from, "back")
	})
}

func TestALatePongReachesGorilla(t *testing.T) {
	onMemory(t, func(t *testing.T, p pair) {
		client, server := handshake(t, p)
		wantInject(t, drops.Pongs{Late: 3 * time.Second}, p.accepted)
		go func() { _, _, _ = server.ReadMessage() }()
		start, pongs := time.Now(), []time.Duration{}
		client.SetPongHandler(func(string) error {
			pongs = append(pongs, time.Since(start))
			return nil
		})
		_ = client.WriteControl(websocket.PingMessage, nil, time.Time{})
		_ = client.SetReadDeadline(start.Add(10 * time.Second))
		_, _, _ = client.ReadMessage()
		if len(pongs) != 1 || pongs[0] != 3*time.Second {
			t.Errorf("pongs at %v", pongs)
		}
	})
}

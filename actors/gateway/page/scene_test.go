package page_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// scene is a gateway on an ordinary day, for screenshots: clients that talk,
// feeds that drop, and one feed that is down.
type scene struct {
	*pageWorld
	ids     []messages.ID
	down    *drops.Gate // before the feed that goes down
	locked  *drops.Gate // before the one that will have us no more
	playing sync.WaitGroup
	ctx     context.Context
}

const (
	sceneClients = 680
	sceneFeeds   = 320
	publicDoor   = "gateway:8080"
)

var (
	regions = []string{"fra", "ams", "nyc", "sgp", "gru"}
	feeds   = []string{"fra", "nyc", "sgp", "fra", "nyc", "fra", "nyc", "fra", "nyc", "fra", "nyc", "sgp", "gru"}
)

func newScene(t *testing.T) *scene {
	ctx, cancel := context.WithCancel(context.Background())
	s := &scene{pageWorld: newPageWorld(t), ctx: ctx}
	t.Cleanup(s.playing.Wait)
	t.Cleanup(cancel)
	s.listen(publicDoor, http.HandlerFunc(s.accept))
	s.down = drops.NewGate(http.HandlerFunc(s.echo))
	s.locked = drops.NewGate(http.HandlerFunc(s.echo))
	s.listen("sgp.feed.example:80", s.down)
	s.listen("gru.feed.example:80", s.locked)
	s.listen("fra.feed.example:80", http.HandlerFunc(s.echo))
	s.listen("nyc.feed.example:80", http.HandlerFunc(s.echo))
	for i := range sceneFeeds {
		s.feedFrom(feeds[i%len(feeds)], i)
	}
	for i := range sceneClients {
		s.client(i)
	}
	return s
}

func (s *scene) listen(addr string, h http.Handler) {
	l, err := s.net.Listen(addr)
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	s.playing.Go(func() { server.Serve(l) })
	s.t.Cleanup(func() { server.Close() })
}

func (s *scene) accept(w http.ResponseWriter, r *http.Request) {
	region := regions[rand.IntN(len(regions))]
	id, err := s.m.Accept(w, r, actors.Client{Labels: map[string]string{"region": region, "plan": []string{"free", "pro"}[rand.IntN(2)]}})
	if err == nil {
		_ = s.m.Join(id, "region:"+region)
	}
}

// client is one that talks now and then, until the scene ends.
func (s *scene) client(i int) {
	d := websocket.Dialer{NetDialContext: s.net.DialContext}
	ws, _, err := d.Dial("ws://"+publicDoor+"/", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.playing.Go(func() {
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				return
			}
		}
	})
	s.playing.Go(func() {
		defer ws.Close()
		for n := 1.0; ; n++ {
			select {
			case <-s.ctx.Done():
				return
			case <-time.After(time.Duration((2 + 3*rand.Float64() + math.Sin(n/4+float64(i%7)/9)) * float64(time.Second))):
				_ = ws.WriteMessage(websocket.TextMessage, make([]byte, 40+rand.IntN(300)))
			}
		}
	})
}

func (s *scene) feedFrom(region string, i int) {
	id, err := s.m.Dial(s.ctx, actors.Target{
		URL:    "ws://" + region + ".feed.example:80/quotes",
		Dialer: &websocket.Dialer{NetDialContext: s.net.DialContext},
		Labels: map[string]string{"feed": region, "symbol": fmt.Sprintf("%c%c%c", 'A'+i%26, 'A'+i/7%26, 'A'+i/3%26)},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.ids = append(s.ids, id)
}

// play has things happen until the scene ends, and the feed in Singapore go
// down after two minutes; then is called.
func (s *scene) play(then func()) {
	for i, region := range regions {
		for _, label := range []string{"region", "feed"} {
			_, _ = s.m.Drill(actors.Drill{Fault: drops.Slow{Latency: time.Duration(2+9*i*i) * time.Millisecond}, For: time.Hour,
				Labels: map[string]string{label: region}})
		}
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		for range 30 + rand.IntN(20) + int(20*math.Sin(float64(i)/90)) {
			m := messages.Binary(make([]byte, 60+rand.IntN(500)))
			m.Guarantee = messages.Guarantee(rand.IntN(2))
			_ = s.m.Send(s.ids[rand.IntN(len(s.ids))], m)
		}
		if i%4 == 0 || i%300 > 270 {
			_, _ = s.m.Drill(actors.Drill{Fault: drops.Reset{}, For: time.Hour, ID: s.ids[rand.IntN(len(s.ids))]})
		}
		if i == 1140 {
			s.down.Refuse(-1, drops.Refuse{})
			s.locked.Refuse(-1, drops.Refuse{Status: http.StatusForbidden})
			for feed, share := range map[string]float64{"sgp": 0.8, "gru": 0.2} {
				_, _ = s.m.Drill(actors.Drill{Fault: drops.CloseCode{Code: 1012}, For: time.Hour, Share: share,
					Labels: map[string]string{"feed": feed}})
			}
		}
		if i == 1190 {
			then()
		}
	}
}

package actors_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision/drops"
)

// TestAnythingMayHappen plays random scripts; a failure names the seed.
func TestAnythingMayHappen(t *testing.T) {
	runs := uint64(60)
	if testing.Short() {
		runs = 10
	}
	for seed := range runs {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
			script := make([]byte, 2*200)
			_, _ = source.Read(script)
			play(t, script)
		})
	}
}

// FuzzDelivery plays a script: two bytes are a step, see [drama.step].
func FuzzDelivery(f *testing.F) {
	for step := range byte(16) {
		f.Add([]byte{0, 8, step, 16, 0, 24, step, 0, 1, 80, 14, 255, 1, 0})
	}
	f.Fuzz(func(t *testing.T, script []byte) { play(t, script[:min(len(script), 400)]) })
}

// drama is a script that is being played on several connections, with what
// must hold at its end.
type drama struct {
	*world
	ids []messages.ID

	sent map[messages.ID][]sentence // by number, from 0

	mu    sync.Mutex
	wires map[messages.ID]*drops.Conn // the latest
	heard map[messages.ID][]*hearing  // by socket
	over  map[messages.ID]time.Time   // when Close has returned
}

// hearing is what one socket brought.
type hearing struct {
	texts []string
	ended bool
}

// sentence is a message that was admitted.
type sentence struct {
	text      string
	guarantee messages.Guarantee
	delivered <-chan error // of a Deliver; nil: it was sent
}

const actorsOnStage = 3

func play(t *testing.T, script []byte) {
	config := actors.Config{Outbox: actors.Outbox{Messages: 40}}
	audited(t, config, func(t *testing.T, w *world) {
		d := &drama{
			world: w, sent: make(map[messages.ID][]sentence), wires: make(map[messages.ID]*drops.Conn),
			heard: make(map[messages.ID][]*hearing), over: make(map[messages.ID]time.Time),
		}
		w.serves(d.hear)
		for range actorsOnStage {
			d.enter()
		}
		for ; len(script) > 1; script = script[2:] {
			d.step(script[0]%16, int(script[1]))
			for _, id := range d.ids {
				d.addsUp(id)
			}
		}
		d.recover()
		for _, id := range d.ids {
			d.judge(id)
		}
	})
}

func (d *drama) enter() {
	target := d.target()
	target.ID = messages.NewID()
	target.URL += "?" + target.ID.String()
	target.Dialer.NetDialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := d.net.DialContext(ctx, network, addr)
		if err == nil {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.wires[target.ID] = c.(*drops.Conn)
		}
		return c, err
	}
	if _, err := d.m.Dial(d.t.Context(), target); err != nil {
		d.t.Fatal(err)
	}
	d.ids = append(d.ids, target.ID)
}

// hear is the server.
func (d *drama) hear(p *peer) {
	id, err := messages.ParseID(p.req.URL.RawQuery)
	if err != nil {
		d.t.Error(err)
	}
	h := &hearing{}
	d.arrive(id, h)
	for {
		_, data, err := p.ReadMessage()
		d.mu.Lock()
		h.ended = err != nil
		if err == nil {
			h.texts = append(h.texts, string(data))
		}
		d.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// arrive asserts that the sockets before end within the second that a peer
// that was told why may take, and that no closed connection comes back.
func (d *drama) arrive(id messages.ID, h *hearing) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if over, closed := d.over[id]; closed && time.Now().After(over) {
		d.t.Error("a closed connection has come back")
	}
	before := slices.Clone(d.heard[id])
	d.heard[id] = append(d.heard[id], h)
	time.AfterFunc(time.Second+1, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if slices.ContainsFunc(before, func(h *hearing) bool { return !h.ended }) {
			d.t.Error("two live sockets of one connection")
		}
	})
}

// step is one thing that happens to one connection.
func (d *drama) step(what byte, arg int) {
	id := d.ids[arg%len(d.ids)]
	arg /= len(d.ids)
	switch what {
	case 0, 1, 2, 3, 4:
		d.say(id, arg)
		return // in one batch with what comes next, perhaps
	case 5:
		d.deliver(id, arg)
	case 6:
		d.strike(id, drops.Reset{})
	case 7:
		d.strike(id, drops.Torn{After: arg, FIN: arg%2 == 0})
	case 8:
		d.strike(id, []drops.Fault{drops.Silence{}, drops.Silence{In: true}, drops.Silence{Out: true}}[arg%3])
	case 9:
		code := []int{1000, 1001, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 4000, 4500}[arg%11]
		d.strikePeer(id, drops.CloseCode{Code: code})
	case 10:
		d.gate.Refuse(arg%4, drops.Refuse{Status: []int{503, 401, 404, 500, 429}[arg%5]})
	case 11:
		_ = d.m.Retry(id)
	case 12:
		if arg%8 == 0 {
			d.leave(id)
		}
	case 13:
		time.Sleep(time.Duration(arg) * time.Millisecond)
	case 14:
		time.Sleep(time.Duration(arg) * time.Second / 4)
	}
	synctest.Wait()
}

func (d *drama) compose(id messages.ID, arg int) (messages.Message, sentence) {
	s := sentence{text: strconv.Itoa(len(d.sent[id])), guarantee: messages.Guarantee(arg % 2)}
	m := messages.Text(s.text)
	m.Guarantee = s.guarantee
	switch arg / 2 % 6 {
	case 1:
		m.Key = "key"
	case 2:
		m.TTL = time.Duration(1+arg/12) * 100 * time.Millisecond
	case 3:
		info, _ := d.m.Info(id)
		m.Incarnation = info.Incarnation
	}
	return m, s
}

func (d *drama) say(id messages.ID, arg int) {
	m, s := d.compose(id, arg)
	if d.m.Send(id, m) == nil {
		d.sent[id] = append(d.sent[id], s)
	}
}

// deliver gives up on a message that was not admitted at once: its place in
// the order is not known.
func (d *drama) deliver(id messages.ID, arg int) {
	m, s := d.compose(id, arg)
	before, _ := d.m.Info(id)
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Duration(arg)*time.Second)
	d.t.Cleanup(cancel)
	s.delivered = d.delivers(ctx, id, m)
	if after, _ := d.m.Info(id); after.Admitted > before.Admitted {
		d.sent[id] = append(d.sent[id], s)
		return
	}
	cancel()
	if err := <-s.delivered; err == nil || errors.Is(err, messages.ErrUnconfirmed) {
		d.t.Errorf("a message that was not admitted: %v", err)
	}
}

func (d *drama) leave(id messages.ID) {
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Second)
	defer cancel()
	_ = d.m.Close(ctx, id, 0, "")
	d.mu.Lock()
	if _, closed := d.over[id]; !closed {
		d.over[id] = time.Now()
	}
	d.mu.Unlock()
	d.closed(id)
}

// closed asserts that id is and stays closed, remembered or forgotten.
func (d *drama) closed(id messages.ID) {
	_, err := d.m.Info(id)
	for _, err := range []error{err, d.m.Send(id, messages.Text("x")), d.m.Retry(id)} {
		if !errors.Is(err, messages.ErrClosed) && !errors.Is(err, messages.ErrUnknownConnection) {
			d.t.Errorf("closed, yet: %v", err)
		}
	}
}

func (d *drama) strike(id messages.ID, fault drops.Fault) {
	if c := d.wireOf(id); c != nil {
		_ = fault.Inject(c)
	}
}

func (d *drama) strikePeer(id messages.ID, fault drops.Fault) {
	if c := d.wireOf(id); c != nil {
		_ = fault.Inject(c.Other())
	}
}

// wireOf returns our end of a connection's latest socket; nil before there
// was one.
func (d *drama) wireOf(id messages.ID) *drops.Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.wires[id]
}

// recover ends all faults, with the sockets that have them, and waits until every connection that is not closed
// has had its messages confirmed.
func (d *drama) recover() {
	d.gate.Open()
	for _, c := range d.net.Conns() {
		_ = drops.Reset{}.Inject(c)
	}
	for range 100 {
		time.Sleep(time.Minute)
		busy := false
		for _, id := range d.ids {
			info, err := d.m.Info(id)
			if err == nil && (info.State != messages.Open || info.Queued+info.Unconfirmed > 0) {
				_ = d.m.Retry(id)
				busy = true
			}
		}
		if !busy {
			return
		}
	}
	for _, id := range d.ids {
		info, err := d.m.Info(id)
		d.t.Errorf("did not recover: %v, %+v", err, info)
	}
}

func (d *drama) texts(id messages.ID) (sockets [][]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.heard[id] {
		sockets = append(sockets, slices.Clone(h.texts))
	}
	return sockets
}

func (d *drama) judge(id messages.ID) {
	ends := d.outcomes(id)
	if _, over := d.over[id]; over {
		d.closed(id)
	}
	sent, times, last := d.sent[id], make(map[string]int), -1
	for _, socket := range d.texts(id) {
		before := -1
		for _, text := range socket {
			n, _ := strconv.Atoi(text)
			if n <= before {
				d.t.Errorf("out of order on one socket: %s", strings.Join(socket, " "))
			}
			before = n
			times[text]++
			if sent[n].guarantee == messages.AtLeastOnce && times[text] == 1 {
				if n < last {
					d.t.Errorf("message %d came first after %d: %v", n, last, d.texts(id))
				}
				last = n
			}
		}
	}
	for n, s := range sent {
		d.judgeOne(n, s, ends[uint64(n+1)], times[s.text])
	}
}

// judgeOne holds one message's end against how often it arrived.
func (d *drama) judgeOne(n int, s sentence, ends []messages.Outcome, times int) {
	if len(ends) != 1 {
		d.t.Errorf("message %d ended in %v", n, ends)
		return
	}
	end := ends[0]
	unsent := []messages.Outcome{messages.OutcomeWithdrawn}
	if s.guarantee == messages.AtMostOnce {
		unsent = append(unsent, messages.OutcomeExpired, messages.OutcomeReplaced, messages.OutcomeUndelivered)
		if times > 1 {
			d.t.Errorf("message %d, at most once, arrived %d times", n, times)
		}
	}
	if slices.Contains(unsent, end) && times > 0 || end == messages.OutcomeConfirmed && times == 0 {
		d.t.Errorf("message %d, %v, arrived %d times and is %v", n, s.guarantee, times, end)
	}
	if s.delivered == nil {
		return
	}
	switch err := <-s.delivered; {
	case err == nil && times == 0:
		d.t.Errorf("message %d, %v, was delivered and did not arrive", n, s.guarantee)
	case err != nil && !errors.Is(err, messages.ErrUnconfirmed) && times > 0:
		d.t.Errorf("message %d, %v, arrived in spite of %v", n, s.guarantee, err)
	}
}

package page

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/tetherws/tether/actors/gateway"
)

const maxPages = 32

// Page is the status page of a fleet. Make one with [New] and end it with
// Close. It is an http.Handler.
type Page struct {
	fleet  gateway.Fleet
	counts func() gateway.Counts
	feed   *gateway.Feed
	mux    *http.ServeMux

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	asked  chan struct{} // a page wants to know, or has gone

	past past         // the broadcast's alone
	rtt  *percentiles // the broadcast's alone

	mu           sync.Mutex // guards what follows
	pages        map[*viewer]struct{}
	broadcasting bool
	latest       json.RawMessage // the overview; nil: none since the broadcast began
	running      sync.WaitGroup  // viewers, and the broadcast
}

// New returns the page of fleet. counts says what the gateway before it has
// done, and feed how long outages lasted; what is nil is left out. Nothing
// runs until somebody looks.
func New(fleet gateway.Fleet, counts func() gateway.Counts, feed *gateway.Feed) *Page {
	p := &Page{
		fleet: fleet, counts: counts, feed: feed, mux: http.NewServeMux(),
		asked: make(chan struct{}, 1), pages: make(map[*viewer]struct{}),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.mux.HandleFunc("GET /{$}", serveDocument)
	p.mux.HandleFunc("GET /live", p.live)
	return p
}

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// Close tells the open pages to go away, and returns when nothing of p is
// left running, which a page that does not read can put off by 6 s. From then
// on /live is answered with 503. It may be called more than once.
func (p *Page) Close() {
	p.mu.Lock()
	p.cancel()
	p.mu.Unlock()
	p.running.Wait()
}

// admit makes room for one more page, and has the broadcast run; false: there
// is none. What is admitted must leave.
func (p *Page) admit(v *viewer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil || len(p.pages) >= maxPages {
		return false
	}
	p.pages[v] = struct{}{}
	p.running.Add(1)
	if !p.broadcasting {
		p.broadcasting, p.latest = true, nil
		p.running.Add(1)
		go p.broadcast()
	}
	if p.latest != nil {
		v.tell(frame{Overview: p.latest})
	}
	return true
}

func (p *Page) leave(v *viewer) {
	defer p.running.Done()
	p.mu.Lock()
	delete(p.pages, v)
	p.mu.Unlock()
	p.ask()
}

// ask has the broadcast look whether something new is wanted. It does not block.
func (p *Page) ask() {
	select {
	case p.asked <- struct{}{}:
	default: // somebody else has asked
	}
}

// watched returns who looks. If nobody does, the broadcast has to end.
func (p *Page) watched() []*viewer {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*viewer, 0, len(p.pages))
	for v := range p.pages {
		all = append(all, v)
	}
	p.broadcasting = len(all) > 0
	return all
}

// patience is how long a page may take for a write, and a fleet of several
// nodes for an answer.
const patience = 5 * time.Second

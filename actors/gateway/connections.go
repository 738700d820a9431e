package gateway

import (
	"container/heap"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/tetherws/tether/messages"
)

const (
	defaultPage = 100
	mostPerPage = 1000
)

// list answers GET /v1/connections: a page, by ID, of those that are not
// closed. It looks at every connection and keeps no more than the page.
func (c *control) list(r *call) error {
	wanted, err := r.filter()
	if err != nil {
		return err
	}
	limit, err := r.number("limit", defaultPage, 1, mostPerPage)
	if err != nil {
		return err
	}
	var first page
	for info := range c.fleet.Connections(r.Context()) {
		if wanted.match(info) {
			first.add(info, limit+1)
		}
	}
	if err := r.Context().Err(); err != nil {
		return err
	}
	return r.reply(http.StatusOK, first.sorted(limit))
}

// filter is what connections a list is of. Its parts all have to match.
type filter struct {
	states []messages.State // one of them; none: any
	labels map[string]string
	group  string      // "": any or none
	after  messages.ID // the ID is above it
}

func (f filter) match(i messages.Info) bool {
	if i.ID.Compare(f.after) <= 0 || len(f.states) > 0 && !slices.Contains(f.states, i.State) {
		return false
	}
	for k, v := range f.labels {
		if got, ok := i.Labels[k]; !ok || got != v {
			return false
		}
	}
	return f.group == "" || slices.Contains(i.Groups, f.group)
}

func (r *call) filter() (f filter, err error) {
	if f.states, err = r.states(); err != nil {
		return f, err
	}
	f.labels = make(map[string]string)
	for _, pair := range r.query["label"] {
		k, v, ok := strings.Cut(pair, "=")
		if old, again := f.labels[k]; !ok || again && old != v {
			return f, invalidField("label", "must be NAME=VALUE, once for each name")
		}
		f.labels[k] = v
	}
	if f.group = r.query.Get("group"); r.query.Has("group") {
		if err := checkGroup(f.group); err != nil {
			return f, err
		}
	}
	if r.query.Has("after") {
		f.after, err = parseID("after", r.query.Get("after"))
	}
	return f, err
}

// listed are the states of connections that are not closed.
var listed = []messages.State{
	messages.Connecting, messages.Open, messages.Backoff, messages.Parked, messages.Detached, messages.Closing,
}

var statesByName = func() map[string]messages.State {
	m := make(map[string]messages.State)
	for _, s := range listed {
		m[s.String()] = s
	}
	return m
}()

func (r *call) states() (states []messages.State, err error) {
	for name := range r.each("state") {
		s, ok := statesByName[name]
		if !ok {
			return nil, invalidField("state", "must be of %s", strings.Join(slices.Sorted(maps.Keys(statesByName)), ", "))
		}
		states = append(states, s)
	}
	return states, nil
}

// page is a heap of the connections with the lowest IDs, the highest of them on top.
type page []messages.Info

func (p page) Len() int           { return len(p) }
func (p page) Less(i, j int) bool { return p[i].ID.Compare(p[j].ID) > 0 }
func (p page) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *page) Push(x any)        { *p = append(*p, x.(messages.Info)) }
func (p *page) Pop() any {
	last := len(*p) - 1
	x := (*p)[last]
	*p = (*p)[:last]
	return x
}

// add keeps i if it is among the lowest most.
func (p *page) add(i messages.Info, most int) {
	switch {
	case len(*p) < most:
		heap.Push(p, i)
	case i.ID.Compare((*p)[0].ID) < 0:
		(*p)[0] = i
		heap.Fix(p, 0)
	}
}

// pageJSON is an answer of list. Next, if not empty, is what to ask for after.
type pageJSON struct {
	Connections []infoJSON `json:"connections"`
	Next        string     `json:"next,omitempty"`
}

func (p page) sorted(limit int) pageJSON {
	slices.SortFunc(p, func(a, b messages.Info) int { return a.ID.Compare(b.ID) })
	out := pageJSON{Connections: []infoJSON{}}
	for _, info := range p[:min(limit, len(p))] {
		out.Connections = append(out.Connections, summarize(info))
	}
	if len(p) > limit {
		out.Next = p[limit-1].ID.String()
	}
	return out
}

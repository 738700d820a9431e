package page

import (
	"slices"
	"time"

	"github.com/tetherws/tether/messages"
)

// maxRows is how many connections a page is shown.
const maxRows = 100

// census is one look at all connections, for all pages.
type census struct {
	total    int
	rtts     []time.Duration
	searches []*search // one for each page
}

func newCensus(pages []*viewer) *census {
	c := &census{}
	for _, v := range pages {
		c.searches = append(c.searches, &search{query: v.wants()})
	}
	return c
}

func (c *census) count(info *messages.Info) {
	c.total++
	if info.State == messages.Open && info.RTT > 0 {
		c.rtts = append(c.rtts, info.RTT)
	}
	for _, s := range c.searches {
		if s.matches(info) {
			s.matched++
			s.keep(info)
		}
	}
}

func (c *census) roundTrips() *percentiles { return percentilesOf(c.rtts) }

// search finds the first connections of a query, in its order.
type search struct {
	query
	matched int
	found   []*messages.Info
	last    *messages.Info // what comes behind it is not among the first; nil: not known yet
}

// keep remembers info if it may be one of the first. What is too much is
// sorted out now and then: memory is bounded, and each costs little.
func (s *search) keep(info *messages.Info) {
	if s.last != nil && s.compare(info, s.last) > 0 {
		return
	}
	s.found = append(s.found, info)
	if len(s.found) == 2*maxRows {
		s.cut()
		s.last = s.found[maxRows-1]
	}
}

func (s *search) cut() {
	slices.SortFunc(s.found, s.compare)
	s.found = s.found[:min(len(s.found), maxRows)]
}

func (s *search) compare(a, b *messages.Info) int {
	by := s.order(a, b)
	if by == 0 {
		by = a.ID.Compare(b.ID)
	}
	if s.reverse {
		return -by
	}
	return by
}

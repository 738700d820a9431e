package gateway

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/tetherws/tether/messages"
)

const (
	mostStreams  = 64
	streamBuffer = 1024 // events that a stream may lag behind
)

// events answers GET /v1/events with a stream of what happens from now on. A
// client that reads too slowly loses events and is told how many; none is
// kept for a client that comes back.
func (c *control) events(r *call) error {
	keep, err := r.eventFilter()
	if err != nil {
		return err
	}
	if c.config.Feed == nil {
		return newProblem(kindNoFeed, "the gateway has no feed of events")
	}
	if c.streams.Add(1) > mostStreams {
		c.streams.Add(-1)
		return newProblem(kindStreams, fmt.Sprintf("%d streams are open already", mostStreams))
	}
	defer c.streams.Add(-1)
	feed := c.config.Feed.Subscribe(streamBuffer, keep)
	defer feed.Close()
	s := newStream(r)
	if r.Method != http.MethodHead {
		s.run(r.Context(), feed)
	}
	return nil
}

// eventFilter is what the query wants to be told of.
func (r *call) eventFilter() (func(messages.Event) bool, error) {
	var id messages.ID
	if r.query.Has("connection") {
		var err error
		if id, err = parseID("connection", r.query.Get("connection")); err != nil {
			return nil, err
		}
	}
	var types []string
	for t := range r.each("type") {
		if t != typeTransition && t != typeOutcome {
			return nil, invalidField("type", "must be of %s, %s", typeTransition, typeOutcome)
		}
		types = append(types, t)
	}
	if len(types) == 0 {
		types = []string{typeTransition, typeOutcome}
	}
	return func(e messages.Event) bool {
		kind, of := kindOf(e)
		return (id.IsZero() || of == id) && slices.Contains(types, kind)
	}, nil
}

const (
	typeTransition = "transition"
	typeOutcome    = "outcome"
	typeLost       = "lost"
)

type eventTransitionJSON struct {
	ID          messages.ID `json:"id"`
	Incarnation uint64      `json:"incarnation"`
	Attempt     int         `json:"attempt"`
	Delay       float64     `json:"delay_seconds"`
	transitionJSON
}

type eventOutcomeJSON struct {
	ID          messages.ID `json:"id"`
	Incarnation uint64      `json:"incarnation"`
	Number      uint64      `json:"number"`
	Key         string      `json:"key,omitempty"`
	Outcome     string      `json:"outcome"`
	Cause       string      `json:"cause,omitempty"`
}

type lostJSON struct {
	Lost uint64 `json:"lost"`
}

// kindOf is the type of e, empty if the API does not know it, and the
// connection it is about.
func kindOf(e messages.Event) (string, messages.ID) {
	switch e := e.(type) {
	case messages.EventTransition:
		return typeTransition, e.ID
	case messages.EventOutcome:
		return typeOutcome, e.ID
	}
	return "", messages.ID{}
}

// viewOf is e as it is told.
func viewOf(e messages.Event) any {
	switch e := e.(type) {
	case messages.EventTransition:
		return eventTransitionJSON{e.ID, e.Incarnation, e.Attempt, e.Delay.Seconds(), transition(e.Transition)}
	case messages.EventOutcome:
		return eventOutcomeJSON{e.ID, e.Incarnation, e.Number, e.Key, e.Outcome.String(), textOf(e.Err)}
	}
	return nil
}

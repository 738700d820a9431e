package gateway

import (
	"errors"
	"net/http"
	"time"

	"github.com/tetherws/tether/messages"
)

// infoJSON is a [messages.Info] as the control API tells it.
type infoJSON struct {
	ID          messages.ID       `json:"id"`
	State       messages.State    `json:"state"`
	Incarnation uint64            `json:"incarnation"`
	Dialed      bool              `json:"dialed"`
	Peer        string            `json:"peer"`
	Labels      map[string]string `json:"labels"`
	Groups      []string          `json:"groups"`

	Since       time.Time `json:"since"`
	NextAttempt time.Time `json:"next_attempt,omitzero"`
	Attempt     int       `json:"attempt"`
	RTT         float64   `json:"rtt_seconds"` // 0: not known

	Queued      int `json:"queued"`
	QueuedBytes int `json:"queued_bytes"`
	Unconfirmed int `json:"unconfirmed"`

	Admitted    uint64 `json:"admitted"`
	Written     uint64 `json:"written"`
	Confirmed   uint64 `json:"confirmed"`
	Expired     uint64 `json:"expired"`
	Replaced    uint64 `json:"replaced"`
	Refused     uint64 `json:"refused"`
	Withdrawn   uint64 `json:"withdrawn"`
	Undelivered uint64 `json:"undelivered"`
	Received    uint64 `json:"received"`

	History []transitionJSON `json:"history,omitempty"` // oldest first; not in lists
	End     *endJSON         `json:"end,omitempty"`     // of one that is closed
}

// transitionJSON is a [messages.Transition].
type transitionJSON struct {
	At    time.Time      `json:"at"`
	From  messages.State `json:"from"`
	To    messages.State `json:"to"`
	Cause string         `json:"cause,omitempty"`
}

// endJSON is a [messages.CloseError].
type endJSON struct {
	Code        int    `json:"code"`
	Reason      string `json:"reason"`
	Remote      bool   `json:"remote"`
	Undelivered int    `json:"undelivered"`
	Cause       string `json:"cause,omitempty"`
}

// summarize leaves the history out.
func summarize(i messages.Info) infoJSON {
	j := infoJSON{
		ID: i.ID, State: i.State, Incarnation: i.Incarnation, Dialed: i.Dialed,
		Peer: i.Peer, Labels: i.Labels, Groups: i.Groups,
		Since: i.Since, NextAttempt: i.NextAttempt, Attempt: i.Attempt, RTT: i.RTT.Seconds(),
		Queued: i.Queued, QueuedBytes: i.QueuedBytes, Unconfirmed: i.Unconfirmed,
		Admitted: i.Admitted, Written: i.Written, Confirmed: i.Confirmed, Expired: i.Expired, Replaced: i.Replaced,
		Refused: i.Refused, Withdrawn: i.Withdrawn, Undelivered: i.Undelivered, Received: i.Received,
	}
	if j.Labels == nil {
		j.Labels = map[string]string{}
	}
	if j.Groups == nil {
		j.Groups = []string{}
	}
	return j
}

// describe is all of i. err is nil or how the connection ended.
func describe(i messages.Info, err error) *infoJSON {
	j := summarize(i)
	for _, t := range i.History {
		j.History = append(j.History, transition(t))
	}
	var end *messages.CloseError
	if errors.As(err, &end) {
		j.End = &endJSON{end.Code, end.Reason, end.Remote, end.Undelivered, textOf(end.Err)}
	}
	return &j
}

func transition(t messages.Transition) transitionJSON {
	return transitionJSON{t.At, t.From, t.To, textOf(t.Cause)}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// info answers GET /v1/connections/{id}. A connection that has closed is gone,
// and for as long as the fleet remembers how, that is told.
func (c *control) info(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	info, err := c.fleet.Info(r.Context(), id)
	if errors.Is(err, messages.ErrClosed) {
		p := newProblem(kindClosed, err.Error()) // whatever it closed for
		p.Info = describe(info, err)
		return p
	}
	if err != nil {
		return err
	}
	return r.reply(http.StatusOK, describe(info, nil))
}

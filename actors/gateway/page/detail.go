package page

import (
	"errors"
	"time"

	"github.com/tetherws/tether/messages"
)

// detail is all about one connection. Times are Unix milliseconds.
type detail struct {
	row
	Now         int64             `json:"now"`
	Error       string            `json:"error,omitempty"` // there is nothing to show
	End         string            `json:"end,omitempty"`   // how it was closed
	Groups      []string          `json:"groups"`
	Incarnation uint64            `json:"incarnation"`
	Queued      int               `json:"queued"`
	QueuedBytes int               `json:"queued_bytes"`
	Unconfirmed int               `json:"unconfirmed"`
	Admitted    uint64            `json:"admitted"`
	Outcomes    map[string]uint64 `json:"outcomes"`
	History     []move            `json:"history"` // newest first
}

type move struct {
	At    int64          `json:"at"`
	From  messages.State `json:"from"`
	To    messages.State `json:"to"`
	Cause string         `json:"cause,omitempty"`
}

const maxCause = 1000 // bytes

// detailOf is what [gateway.Fleet] answered.
func detailOf(id messages.ID, info messages.Info, err error) *detail {
	d := &detail{
		row: rowOf(&info), Now: time.Now().UnixMilli(),
		Groups: info.Groups, Incarnation: info.Incarnation,
		Queued: info.Queued, QueuedBytes: info.QueuedBytes, Unconfirmed: info.Unconfirmed,
		Admitted: info.Admitted, Outcomes: outcomes(&info), History: moves(info.History),
	}
	d.ID, d.Why = id, text(why(&info), maxCause)
	switch {
	case errors.Is(err, messages.ErrClosed):
		d.End = text(err, maxCause)
	case err != nil:
		d.Error = text(err, maxCause)
	}
	return d
}

func outcomes(info *messages.Info) map[string]uint64 {
	return map[string]uint64{
		messages.OutcomeWritten.String():     info.Written,
		messages.OutcomeConfirmed.String():   info.Confirmed,
		messages.OutcomeExpired.String():     info.Expired,
		messages.OutcomeReplaced.String():    info.Replaced,
		messages.OutcomeRefused.String():     info.Refused,
		messages.OutcomeWithdrawn.String():   info.Withdrawn,
		messages.OutcomeUndelivered.String(): info.Undelivered,
	}
}

func moves(history []messages.Transition) []move {
	all := make([]move, len(history))
	for i, t := range history {
		all[len(all)-1-i] = move{At: milli(t.At), From: t.From, To: t.To, Cause: text(t.Cause, maxCause)}
	}
	return all
}

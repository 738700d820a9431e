package page

import (
	"net"
	"time"

	"github.com/tetherws/tether/messages"
)

// table is what a search has found.
type table struct {
	Now     int64 `json:"now"`   // Unix milliseconds
	Total   int   `json:"total"` // connections
	Matched int   `json:"matched"`
	Rows    []row `json:"rows"` // the first of those
}

func (s *search) table(total int) *table {
	s.cut()
	t := &table{Now: time.Now().UnixMilli(), Total: total, Matched: s.matched, Rows: []row{}}
	for _, info := range s.found {
		t.Rows = append(t.Rows, rowOf(info))
	}
	return t
}

// row is a connection in short. Times are Unix milliseconds.
type row struct {
	ID      messages.ID       `json:"id"`
	State   messages.State    `json:"state"`
	Dialed  bool              `json:"dialed"`
	Peer    string            `json:"peer"`
	Labels  map[string]string `json:"labels"`
	Since   int64             `json:"since"`
	Next    int64             `json:"next,omitempty"` // attempt
	Attempt int               `json:"attempt"`
	RTT     float64           `json:"rtt"`     // seconds
	Waiting int               `json:"waiting"` // messages, unconfirmed ones included
	In      uint64            `json:"in"`
	Out     uint64            `json:"out"`
	Why     string            `json:"why,omitempty"` // it is down
}

const maxWhy = 200 // bytes of a row's

func rowOf(info *messages.Info) row {
	return row{
		ID: info.ID, State: info.State, Dialed: info.Dialed, Peer: info.Peer, Labels: info.Labels,
		Since: milli(info.Since), Next: milli(info.NextAttempt), Attempt: info.Attempt,
		RTT: info.RTT.Seconds(), Waiting: info.Queued + info.Unconfirmed,
		In: info.Received, Out: info.Written + info.Confirmed, Why: brief(why(info)),
	}
}

// why is the latest cause that a connection is not open for; nil: none.
func why(info *messages.Info) error {
	if info.State == messages.Open {
		return nil
	}
	for i := len(info.History) - 1; i >= 0; i-- {
		if cause := info.History[i].Cause; cause != nil {
			return cause
		}
	}
	return nil
}

// brief is err without the addresses of a network error, which the row has.
func brief(err error) string {
	if op, ok := err.(*net.OpError); ok { //nolint:errorlint // what wraps it has more to say
		err = op.Err
	}
	return text(err, maxWhy)
}

// text is err's, "" if there is none.
func text(err error, limit int) string {
	if err == nil {
		return ""
	}
	return shorten(err.Error(), limit)
}

// milli is t in Unix milliseconds, 0 for the zero time.
func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…" // a rune cut in two is replaced as JSON is written
}

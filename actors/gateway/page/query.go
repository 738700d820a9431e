package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tetherws/tether/messages"
)

const maxWords = 8

// query is what an open page asks for.
type query struct {
	words    []string       // in lower case; a connection must match each
	state    messages.State // 0: any
	order    order
	reverse  bool
	selected messages.ID // zero: none
}

// parseQuery reads a page's message. Words beyond the first eight do not count.
func parseQuery(data []byte) (q query, err error) {
	var m struct {
		Search   string
		State    string
		Sort     string
		Reverse  bool
		Selected string
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return query{}, fmt.Errorf("%w: %w", messages.ErrInvalid, err)
	}
	if d.More() {
		return query{}, fmt.Errorf("%w: more than one question", messages.ErrInvalid)
	}
	var known bool
	if q.order, known = orders[m.Sort]; !known {
		return query{}, fmt.Errorf("%w: sort %q", messages.ErrInvalid, m.Sort)
	}
	if q.state, known = states[m.State]; !known {
		return query{}, fmt.Errorf("%w: state %q", messages.ErrInvalid, m.State)
	}
	if m.Selected != "" {
		if q.selected, err = messages.ParseID(m.Selected); err != nil {
			return query{}, err
		}
	}
	q.words = strings.Fields(strings.ToLower(m.Search))
	q.words = q.words[:min(len(q.words), maxWords)]
	q.reverse = m.Reverse
	return q, nil
}

// states are those that may be asked for, by name; "" is any.
var states = func() map[string]messages.State {
	m := map[string]messages.State{"": 0}
	for s := messages.Connecting; s < messages.Closed; s++ {
		m[s.String()] = s
	}
	return m
}()

func (q *query) matches(info *messages.Info) bool {
	if q.state != 0 && q.state != info.State {
		return false
	}
	for _, word := range q.words {
		if !matches(info, word) {
			return false
		}
	}
	return true
}

// matches says whether a word is the beginning of the ID, the state, a group,
// part of the peer's address or of a label's value, or a label as key=value.
func matches(info *messages.Info, word string) bool {
	if strings.HasPrefix(info.ID.String(), word) || info.State.String() == word || contains(info.Peer, word) {
		return true
	}
	for _, g := range info.Groups {
		if strings.ToLower(g) == word {
			return true
		}
	}
	for k, v := range info.Labels {
		if contains(v, word) || strings.ToLower(k+"="+v) == word {
			return true
		}
	}
	return false
}

func contains(s, word string) bool { return strings.Contains(strings.ToLower(s), word) }

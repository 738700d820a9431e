package gateway

import (
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tetherws/tether/messages"
)

// call is a request to the control API under way.
type call struct {
	*http.Request
	w     http.ResponseWriter
	query url.Values // the route's parameters and no others; once each, but for lists
}

// lists are the parameters that may be given more than once.
var lists = []string{"state", "label", "type"}

// parameters reads a query that may have those of the names.
func parameters(raw string, names []string) (url.Values, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, invalidField("query", "is malformed")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch values := query[name]; {
		case !slices.Contains(names, name):
			return nil, invalidField(name, "is no parameter of this request")
		case len(values) > 1 && !slices.Contains(lists, name):
			return nil, invalidField(name, "is given more than once")
		case slices.ContainsFunc(values, func(s string) bool { return !utf8.ValidString(s) }):
			return nil, invalidField(name, "is not UTF-8")
		}
	}
	return query, nil
}

func (r *call) reply(status int, v any) error {
	writeJSON(r.w, "application/json", status, v)
	return nil
}

func (r *call) noContent() error {
	r.w.WriteHeader(http.StatusNoContent)
	return nil
}

// id is the one in the path.
func (r *call) id() (messages.ID, error) { return parseID("id", r.PathValue("id")) }

func parseID(name, s string) (messages.ID, error) {
	id, err := messages.ParseID(s)
	if err != nil || id.IsZero() {
		return id, invalidField(name, "%.40q is not the UUID of a connection", s)
	}
	return id, nil
}

// flag is a yes or no; it is no where it was not given.
func (r *call) flag(name string) (bool, error) {
	if !r.query.Has(name) {
		return false, nil
	}
	yes, err := strconv.ParseBool(r.query.Get(name))
	if err != nil {
		return false, invalidField(name, "must be 1 or 0")
	}
	return yes, nil
}

// number is an integer from least to most.
func (r *call) number(name string, otherwise, least, most int) (int, error) {
	if !r.query.Has(name) {
		return otherwise, nil
	}
	n, err := strconv.Atoi(r.query.Get(name))
	if err != nil || n < least || n > most {
		return 0, invalidField(name, "must be a number from %d to %d", least, most)
	}
	return n, nil
}

// each is the values of a list, which may be given one by one or with commas.
func (r *call) each(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, value := range r.query[name] {
			for s := range strings.SplitSeq(value, ",") {
				if !yield(s) {
					return
				}
			}
		}
	}
}

const mostPatience = time.Minute

// timeout is how long the call may wait.
func (r *call) timeout(otherwise time.Duration) (time.Duration, error) {
	if !r.query.Has("timeout") {
		return otherwise, nil
	}
	d, err := positive("timeout", r.query.Get("timeout"))
	if err == nil && d > mostPatience {
		return 0, invalidField("timeout", "must be at most %v", mostPatience)
	}
	return d, err
}

func positive(name, s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, invalidField(name, "must be a duration above zero, such as 30s")
	}
	return d, nil
}

// wait lifts the server's WriteTimeout: the call takes as long as it says itself.
// A ResponseWriter that knows no deadlines has none to lift.
func (r *call) wait() {
	_ = http.NewResponseController(r.w).SetWriteDeadline(time.Time{})
}

package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tetherws/tether/messages"
)

// problem is an error of the control API (RFC 9457), as it is told. Its type is
// about:blank: the code tells them apart.
type problem struct {
	Type   string    `json:"type"`
	Title  string    `json:"title"`
	Status int       `json:"status"`
	Detail string    `json:"detail"`
	Code   string    `json:"code"`
	Field  string    `json:"field,omitempty"` // of kindInvalid: the parameter, header or member at fault
	Info   *infoJSON `json:"info,omitempty"`  // of kindClosed, where it was asked for

	retryAfter int // seconds; 0: not told
}

func (p *problem) Error() string { return p.Code + ": " + p.Detail }

// kind is what problems of one code have in common. The codes are part of the
// API and do not change.
type kind struct {
	code       string
	status     int
	retryAfter int // seconds; 0: not told
}

var (
	kindInvalid      = kind{"invalid", http.StatusBadRequest, 0}
	kindUnauthorized = kind{"unauthorized", http.StatusUnauthorized, 0}
	kindHost         = kind{"forbidden_host", http.StatusForbidden, 0}
	kindOrigin       = kind{"forbidden_origin", http.StatusForbidden, 0}
	kindTarget       = kind{"target_forbidden", http.StatusForbidden, 0}
	kindNotFound     = kind{"not_found", http.StatusNotFound, 0}
	kindUnknown      = kind{"unknown_connection", http.StatusNotFound, 0}
	kindMethod       = kind{"method_not_allowed", http.StatusMethodNotAllowed, 0}
	kindSlowBody     = kind{"slow_body", http.StatusRequestTimeout, 0}
	kindDuplicate    = kind{"duplicate", http.StatusConflict, 0}
	kindReplaced     = kind{"replaced", http.StatusConflict, 0}
	kindClosed       = kind{"closed", http.StatusGone, 0}
	kindTooLarge     = kind{"too_large", http.StatusRequestEntityTooLarge, 0}
	kindEncoding     = kind{"unsupported_encoding", http.StatusUnsupportedMediaType, 0}
	kindQueueFull    = kind{"queue_full", http.StatusTooManyRequests, 1}
	kindStreams      = kind{"too_many_streams", http.StatusTooManyRequests, 5}
	kindInternal     = kind{"internal", http.StatusInternalServerError, 0}
	kindNoFeed       = kind{"no_feed", http.StatusNotImplemented, 0}
	kindDraining     = kind{"draining", http.StatusServiceUnavailable, 1}
	kindUnconfirmed  = kind{"unconfirmed", http.StatusGatewayTimeout, 0} // the message may have arrived
	kindExpired      = kind{"expired", http.StatusGatewayTimeout, 0}     // it did not
	kindTimeout      = kind{"timeout", http.StatusGatewayTimeout, 0}     // nor here
)

// fleetProblems says what the errors of a [Fleet] are. The first that matches
// counts: the end of a connection wraps what ended it.
var fleetProblems = []struct {
	err error
	kind
}{
	{messages.ErrUnconfirmed, kindUnconfirmed},
	{messages.ErrClosed, kindClosed},
	{messages.ErrUnknownConnection, kindUnknown},
	{messages.ErrDuplicateID, kindDuplicate},
	{messages.ErrQueueFull, kindQueueFull},
	{messages.ErrTooLarge, kindTooLarge},
	{messages.ErrExpired, kindExpired},
	{messages.ErrReplaced, kindReplaced},
	{messages.ErrShutdown, kindDraining},
	{messages.ErrInvalid, kindInvalid},
	{context.DeadlineExceeded, kindTimeout},
	{context.Canceled, kindTimeout}, // whoever asked is gone
}

func newProblem(k kind, detail string) *problem {
	return &problem{
		Type: "about:blank", Title: http.StatusText(k.status), Status: k.status,
		Detail: detail, Code: k.code, retryAfter: k.retryAfter,
	}
}

// invalidField is a 400 for the parameter, header or member of that name.
func invalidField(name, format string, args ...any) *problem {
	const most = 64 // bytes to repeat of a request
	if len(name) > most {
		name = name[:most] + "..."
	}
	if name == "" {
		name = `""`
	}
	p := newProblem(kindInvalid, name+" "+fmt.Sprintf(format, args...))
	p.Field = name
	return p
}

// problemOf says what err is to whoever asked.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	for _, row := range fleetProblems {
		if errors.Is(err, row.err) {
			return newProblem(row.kind, err.Error())
		}
	}
	return newProblem(kindInternal, "the request failed for a reason that is in the log")
}

// bodyFarewell is for how long the rest of a body that is not wanted any more
// keeps an answer back: the server reads some of it before it writes.
const bodyFarewell = time.Second

// write answers with the problem. Nothing of the request is in its headers.
func (p *problem) write(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyFarewell))
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	writeJSON(w, "application/problem+json", p.Status, p)
}

// writeJSON answers with v. What can't be written, the client does not wait for.
func writeJSON(w http.ResponseWriter, mediaType string, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{}`)
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

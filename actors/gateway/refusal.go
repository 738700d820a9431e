package gateway

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/tetherws/tether/messages"
)

// Refusal is an Authorize error with an answer of its own.
type Refusal struct {
	Status     int           // 400 to 599; any other is 401
	RetryAfter time.Duration // positive: is told, in whole seconds, rounded up
	Reason     string        // told to the client; "" is the name of the status
}

// Error implements error.
func (e *Refusal) Error() string { return e.Reason }

// denial is why and how a request to the endpoint is refused.
type denial struct {
	reason reason
	Refusal
	header   map[string]string // more of the answer
	cause    error             // for the log; nil: nothing to add
	answered bool              // the request has got its answer
}

var (
	wrongPath   = &denial{reason: byPath, Refusal: Refusal{Status: http.StatusNotFound}}
	wrongMethod = &denial{
		reason: byMethod, Refusal: Refusal{Status: http.StatusMethodNotAllowed},
		header: map[string]string{"Allow": http.MethodGet},
	}
	noUpgrade = &denial{
		reason: byMethod, Refusal: Refusal{Status: http.StatusUpgradeRequired, Reason: "this is a WebSocket endpoint"},
		header: map[string]string{"Upgrade": "websocket", "Connection": "Upgrade"},
	}
	wrongVersion = &denial{
		reason: byMethod, Refusal: Refusal{Status: http.StatusUpgradeRequired, Reason: "WebSocket version 13 is spoken here"},
		header: map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
	}
	foreignOrigin = &denial{
		reason: byOrigin, Refusal: Refusal{Status: http.StatusForbidden, Reason: "origin not allowed"},
	}
)

// Refused clients are to come back after a time between soonest and latest,
// so that they do not come as one herd.
const (
	soonest = 5 * time.Second
	latest  = 10 * time.Second
)

// crowded refuses what may be welcome a little later.
func crowded(why reason, status int, text string) *denial {
	return tooSoon(why, status, text, soonest+rand.N(latest-soonest+1))
}

func tooSoon(why reason, status int, text string, wait time.Duration) *denial {
	return &denial{
		reason:  why,
		Refusal: Refusal{Status: status, RetryAfter: wait, Reason: text},
	}
}

// unwelcome is the answer to what Authorize says.
func unwelcome(err error) *denial {
	d := &denial{reason: forbidden, cause: err}
	var said *Refusal
	if errors.As(err, &said) {
		d.Refusal = *said
	}
	if d.Status < 400 || d.Status > 599 {
		d.Status = http.StatusUnauthorized
	}
	if d.Status == http.StatusUnauthorized {
		d.reason, d.header = unauthorized, map[string]string{"WWW-Authenticate": "Bearer"}
	}
	return d
}

// failed is for a handshake that Accept has answered.
func failed(err error) *denial {
	return &denial{reason: byHandshake, cause: err, answered: true}
}

// refuse counts, logs and answers.
func (g *Gateway) refuse(w http.ResponseWriter, r *http.Request, d *denial) {
	g.tally.refused[d.reason].Add(1)
	g.log.Debug("refused", "peer", r.RemoteAddr, "reason", d.reason.String(), "status", d.Status, "cause", d.cause)
	switch {
	case d.reason == full:
		g.warnFull.Do(func() { g.log.Warn("full: clients are refused", "most", g.config.MaxConnections) })
	case errors.Is(d.cause, messages.ErrInvalid):
		g.log.Warn("Authorize granted what cannot be accepted", "cause", d.cause)
	}
	if !d.answered {
		d.write(w)
	}
}

// write answers in a line of plain text, and has the server close the socket:
// kept for another request, it would stand under no cap.
func (d *denial) write(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	for k, v := range d.header {
		w.Header().Add(k, v)
	}
	if d.RetryAfter > 0 {
		seconds := (d.RetryAfter-1)/time.Second + 1
		w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	text := d.Reason
	if text == "" {
		text = http.StatusText(d.Status)
	}
	http.Error(w, text, d.Status)
}

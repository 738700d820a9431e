package backend

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
)

const (
	codeInternal = 1011
	codeTryLater = 1013
)

// obey does with the connection what the answer to e says. What it returns is
// the handler's result.
func (h *HTTP) obey(ctx context.Context, c actors.Conn, e event, a answer) error {
	var failure error
	switch {
	case a.taken():
		h.counts.delivered.Add(1)
		failure = h.reply(ctx, c, e, a)
	case a.refused():
		h.counts.refused.Add(1)
		h.config.Logger.Warn("event was refused", "conn", e.conn, "event", e.kind, "status", a.status)
	default:
		failure = h.fail(e, &ServiceError{Event: e.kind, Attempts: a.attempt, Status: a.status})
	}
	if end := h.end(c, e, a); end != nil {
		return end
	}
	return failure
}

// lost ends the connection of an event that could not be handed over. A client
// is asked to come back later; a dialed connection does so by its policy.
func (h *HTTP) lost(c actors.Conn, e event, cause error) error {
	_ = h.fail(e, cause)
	if c.Info().Dialed {
		return cause
	}
	return &messages.CloseError{Code: codeTryLater, Reason: "try again later", Err: cause}
}

func (h *HTTP) fail(e event, cause error) error {
	h.counts.failed.Add(1)
	h.config.Logger.Warn("event is lost", "conn", e.conn, "event", e.kind, "cause", cause)
	return cause
}

// reply sends the answer's body to the client, if it has one. A client that
// left in the meantime is no error.
func (h *HTTP) reply(ctx context.Context, c actors.Conn, e event, a answer) error {
	if e.kind == closed || len(a.body) == 0 && !a.long {
		return nil
	}
	err := errLongAnswer
	if !a.long {
		err = sendBack(ctx, c, a.message())
	}
	if err == nil {
		h.counts.answers.Add(1)
		return nil
	}
	h.counts.unsent.Add(1)
	if gone(err) {
		return nil
	}
	h.config.Logger.Warn("answer cannot be sent", "conn", e.conn, "event", e.kind, "cause", err)
	return fmt.Errorf("answer of the service: %w", err)
}

// closeHeader is how the service closes a connection: a code and, behind a
// space, a reason.
const closeHeader = "Tether-Close"

// end returns how the service wants the connection to end, or nil.
func (h *HTTP) end(c actors.Conn, e event, a answer) error {
	asked := a.header.Get(closeHeader)
	switch {
	case e.kind == closed:
		return nil
	case asked != "":
		return h.endAs(c, asked)
	case e.kind == opened && a.status == http.StatusUnauthorized:
		return &messages.CloseError{Code: 4401, Reason: "unauthorized"}
	case e.kind == opened && a.status == http.StatusForbidden:
		return &messages.CloseError{Code: 4403, Reason: "forbidden"}
	}
	return nil
}

// endAs begins the close. What it returns makes it that of the handler too, so
// that nothing more of the client is handed over.
func (h *HTTP) endAs(c actors.Conn, asked string) error {
	digits, reason, _ := strings.Cut(asked, " ")
	code, err := strconv.Atoi(digits)
	if err == nil {
		err = c.Close(code, reason)
	}
	if err != nil {
		h.config.Logger.Warn("header cannot be obeyed", "conn", c.ID(), "header", closeHeader, "cause", err)
		code, reason = codeInternal, ""
	}
	return &messages.CloseError{Code: code, Reason: reason}
}

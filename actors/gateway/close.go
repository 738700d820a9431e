package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
)

const (
	defaultCloseTimeout = 5 * time.Second
	mostCloseReason     = 123 // bytes: RFC 6455, section 5.5
)

// close answers DELETE /v1/connections/{id} with 204 once the connection is
// closed. If the peer did not answer in time, the socket was cut: then
// Tether-Close is cut. The close goes on if whoever asked does not wait.
func (c *control) close(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	code, err := r.number("code", websocket.CloseNormalClosure, 1000, 4999)
	if err != nil {
		return err
	}
	reason := r.query.Get("reason")
	if len(reason) > mostCloseReason {
		return invalidField("reason", "has more than %d bytes", mostCloseReason)
	}
	timeout, err := r.timeout(defaultCloseTimeout)
	if err != nil {
		return err
	}
	r.wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), timeout)
	defer cancel()
	err = c.fleet.Close(ctx, id, code, reason)
	switch {
	case errors.Is(err, messages.ErrInvalid):
		return invalidField("code", "%d may not be sent", code)
	case errors.Is(err, context.DeadlineExceeded) && c.isClosed(r, id):
		r.w.Header().Set("Tether-Close", "cut")
	case err != nil:
		return err
	}
	return r.noContent()
}

// isClosed tells a close that was cut short from one that somebody else began
// and that is still under way.
func (c *control) isClosed(r *call, id messages.ID) bool {
	_, err := c.fleet.Info(context.WithoutCancel(r.Context()), id)
	return errors.Is(err, messages.ErrClosed)
}

// retry answers POST /v1/connections/{id}/retry.
func (c *control) retry(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	if err := c.fleet.Retry(r.Context(), id); err != nil {
		return err
	}
	return r.reply(http.StatusAccepted, idJSON{id})
}

type idJSON struct {
	ID messages.ID `json:"id"`
}

package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
)

// event is what the service is told, however often.
type event struct {
	kind        string
	id          string
	conn        messages.ID
	incarnation uint64
	contentType string
	body        []byte
}

const (
	opened  = "opened"
	message = "message"
	closed  = "closed"
)

const (
	typeText   = "text/plain; charset=utf-8"
	typeBinary = "application/octet-stream"
	typeJSON   = "application/json"
)

func (h *HTTP) openedEvent(c actors.Conn) event {
	labels := c.Labels()
	if labels == nil {
		labels = map[string]string{}
	}
	return h.event(c, opened, typeJSON, asJSON(struct {
		ID          messages.ID       `json:"id"`
		Peer        string            `json:"peer"`
		Labels      map[string]string `json:"labels"`
		Subprotocol string            `json:"subprotocol"`
	}{c.ID(), c.Peer(), labels, c.Subprotocol()}))
}

func (h *HTTP) messageEvent(c actors.Conn, m messages.Message) event {
	contentType := typeText
	if m.Kind == messages.KindBinary {
		contentType = typeBinary
	}
	return h.event(c, message, contentType, m.Data)
}

func (h *HTTP) closedEvent(c actors.Conn, err error) event {
	var end *messages.CloseError
	if !errors.As(err, &end) {
		end = &messages.CloseError{}
	}
	return h.event(c, closed, typeJSON, asJSON(struct {
		ID     messages.ID `json:"id"`
		Code   int         `json:"code"`
		Reason string      `json:"reason"`
		Remote bool        `json:"remote"`
	}{c.ID(), end.Code, end.Reason, end.Remote}))
}

// event numbers events of all connections alike: those of one come serially.
func (h *HTTP) event(c actors.Conn, kind, contentType string, body []byte) event {
	return event{
		kind: kind, conn: c.ID(), incarnation: c.Incarnation(), contentType: contentType, body: body,
		id: fmt.Sprintf("%s.%s.%d", c.ID(), h.run, h.last.Add(1)),
	}
}

func asJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, numbers and truth values have a form
	}
	return b
}

// request returns one to hand e over.
func (h *HTTP) request(ctx context.Context, e event) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.config.URL, bytes.NewReader(e.body))
	if err != nil {
		return nil, err
	}
	r.Header = h.config.Header.Clone()
	r.Header.Set("Tether-Event", e.kind)
	r.Header.Set("Tether-Connection", e.conn.String())
	r.Header.Set("Tether-Incarnation", strconv.FormatUint(e.incarnation, 10))
	r.Header.Set("Tether-Event-ID", e.id)
	r.Header.Set("Content-Type", e.contentType)
	if h.config.Secret != nil {
		sign(r.Header, h.config.Secret, e, time.Now())
	}
	return r, nil
}

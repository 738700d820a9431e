package gateway

import (
	"context"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tetherws/tether/messages"
)

const (
	defaultConfirmTimeout = 10 * time.Second
	mostKey               = 256 // bytes
)

// send answers POST /v1/connections/{id}: with 202 once the message is
// admitted, or with 200 once the peer has confirmed it.
func (c *control) send(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	confirm, err := r.flag("confirm")
	if err != nil {
		return err
	}
	timeout, err := r.timeout(defaultConfirmTimeout)
	if err != nil {
		return err
	}
	if r.query.Has("timeout") && !confirm {
		return invalidField("timeout", "means nothing without confirm=1")
	}
	m, err := c.message(r)
	if err != nil {
		return err
	}
	if confirm {
		return c.deliver(r, id, m, timeout)
	}
	if err := c.fleet.Send(r.Context(), id, m); err != nil {
		return err
	}
	return r.reply(http.StatusAccepted, admittedJSON{id, true})
}

type admittedJSON struct {
	ID       messages.ID `json:"id"`
	Admitted bool        `json:"admitted"`
}

type confirmedJSON struct {
	ID        messages.ID `json:"id"`
	Confirmed bool        `json:"confirmed"`
}

func (c *control) deliver(r *call, id messages.ID, m messages.Message, timeout time.Duration) error {
	r.wait()
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	if err := c.fleet.Deliver(ctx, id, m); err != nil {
		return err
	}
	return r.reply(http.StatusOK, confirmedJSON{id, true})
}

// message is the one that r is about: its body, and what the query or the
// headers say of it.
func (c *control) message(r *call) (m messages.Message, err error) {
	if m.TTL, err = r.ttl(); err != nil {
		return m, err
	}
	if m.Key, err = r.key(); err != nil {
		return m, err
	}
	if m.Guarantee, err = r.guarantee(); err != nil {
		return m, err
	}
	kind, err := statedKind(r.Header.Values("Content-Type"))
	if err != nil {
		return m, err
	}
	if m.Data, err = r.body(c.config.MaxMessage); err != nil {
		return m, err
	}
	text := utf8.Valid(m.Data)
	switch {
	case kind == messages.KindText && !text:
		return m, invalidField("body", "is text by its Content-Type, and not UTF-8")
	case kind == 0 && text:
		kind = messages.KindText
	case kind == 0:
		kind = messages.KindBinary
	}
	m.Kind = kind
	return m, nil
}

// statedKind is what a Content-Type says of a message. It is 0, for what the
// bytes look like, if there is none, or the one that curl makes up.
func statedKind(types []string) (messages.Kind, error) {
	if len(types) == 0 {
		return 0, nil
	}
	media, params, err := mime.ParseMediaType(types[0])
	if err != nil || len(types) > 1 {
		return 0, invalidField("Content-Type", "is malformed")
	}
	text := media == "application/json" || strings.HasPrefix(media, "text/")
	switch charset := strings.ToLower(params["charset"]); {
	case media == "application/x-www-form-urlencoded":
		return 0, nil
	case !text:
		return messages.KindBinary, nil
	case charset != "" && charset != "utf-8" && charset != "us-ascii":
		return 0, invalidField("Content-Type", "has a charset that is not UTF-8, as text messages are")
	}
	return messages.KindText, nil
}

// option is a property of the message, which may stand in the query or in a
// header, or in both if they agree.
func (r *call) option(name string) (value string, given bool, err error) {
	header := r.Header.Values("Tether-" + name)
	switch {
	case len(header) > 1:
		return "", false, invalidField("Tether-"+name, "is given more than once")
	case len(header) == 1 && r.query.Has(name) && header[0] != r.query.Get(name):
		return "", false, invalidField(name, "differs from the header Tether-%s", name)
	case len(header) == 1:
		return header[0], true, nil
	}
	return r.query.Get(name), r.query.Has(name), nil
}

func (r *call) ttl() (time.Duration, error) {
	s, given, err := r.option("ttl")
	if err != nil || !given {
		return 0, err
	}
	return positive("ttl", s)
}

func (r *call) key() (string, error) {
	key, given, err := r.option("key")
	if err == nil && given && !printable(key, mostKey) {
		return "", invalidField("key", "must be 1 to %d bytes of UTF-8 without control characters", mostKey)
	}
	return key, err
}

func (r *call) guarantee() (messages.Guarantee, error) {
	s, given, err := r.option("guarantee")
	if err != nil || !given {
		return messages.AtMostOnce, err
	}
	for _, g := range []messages.Guarantee{messages.AtMostOnce, messages.AtLeastOnce} {
		if s == g.String() {
			return g, nil
		}
	}
	return 0, invalidField("guarantee", "must be %v or %v", messages.AtMostOnce, messages.AtLeastOnce)
}

// printable reports whether s is a name: not empty, and of no more than so many
// bytes.
func printable(s string, most int) bool {
	return s != "" && len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

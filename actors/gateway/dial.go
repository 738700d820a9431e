package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
)

// dialRequest is the body of POST /v1/dial.
type dialRequest struct {
	url, id, pool       string
	labels, headers     map[string]string
	subprotocols, hello []string
	resume              bool
}

func (d *dialRequest) members() map[string]any {
	return map[string]any{
		"url": &d.url, "id": &d.id, "pool": &d.pool, "labels": &d.labels, "headers": &d.headers,
		"subprotocols": &d.subprotocols, "hello": &d.hello, "resume": &d.resume,
	}
}

// dial answers POST /v1/dial once the connection is registered.
func (c *control) dial(r *call) error {
	if !c.Ready() {
		return newProblem(kindDraining, "the gateway is draining")
	}
	var d dialRequest
	if err := r.object(d.members()); err != nil {
		return err
	}
	target, err := d.target()
	if err != nil {
		return err
	}
	guard := dialGuard{private: c.config.AllowPrivate}
	if err := guard.checkURL(d.url); err != nil {
		return err
	}
	target.Dialer = guard.dialer(d.subprotocols)
	id, err := c.fleet.Dial(r.Context(), target)
	if errors.Is(err, messages.ErrInvalid) {
		p := problemOf(err)
		p.Field = "body"
		return p
	}
	if err != nil {
		return err
	}
	r.w.Header().Set("Location", "/v1/connections/"+id.String())
	return r.reply(http.StatusCreated, idJSON{id})
}

// target is what d asks for, but for who dials.
func (d *dialRequest) target() (t actors.Target, err error) {
	header, err := d.header()
	if err == nil {
		err = errors.Join(d.checkURL(), d.checkSubprotocols())
	}
	if err == nil && d.id != "" {
		t.ID, err = parseID("id", d.id)
	}
	if err != nil {
		return t, err
	}
	t.URL, t.Pool, t.Labels, t.Resume = d.url, d.pool, d.labels, d.resume
	if len(header) > 0 {
		t.Request = func(context.Context, messages.Attempt) (string, http.Header, error) {
			return "", header.Clone(), nil
		}
	}
	if len(d.hello) > 0 {
		t.Hello = func(context.Context, actors.Conn) (all []messages.Message, err error) {
			for _, text := range d.hello {
				all = append(all, messages.Text(text))
			}
			return all, nil
		}
	}
	return t, nil
}

func (d *dialRequest) checkURL() error {
	u, err := url.Parse(d.url)
	switch {
	case err != nil:
		return invalidField("url", "can't be parsed") // the query may hold a token, so nothing of it is repeated
	case u.Scheme != "ws" && u.Scheme != "wss":
		return invalidField("url", "must have the scheme ws or wss")
	case u.Hostname() == "":
		return invalidField("url", "has no host")
	case u.User != nil:
		return invalidField("url", "must not hold user information: send a header")
	}
	return nil
}

func (d *dialRequest) checkSubprotocols() error {
	for i, s := range d.subprotocols {
		if !isToken(s) || slices.Contains(d.subprotocols[:i], s) {
			return invalidField("subprotocols", "must be different tokens (RFC 9110, section 5.6.2)")
		}
	}
	if d.resume && len(d.subprotocols) > 0 {
		return invalidField("subprotocols", "can't go with resume, which speaks one of its own")
	}
	return nil
}

// handshakes are the headers that the handshake itself sets, or that say
// how a request is framed.
var handshakes = []string{
	"Connection", "Content-Length", "Host", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

func (d *dialRequest) header() (http.Header, error) {
	header := make(http.Header)
	for name, value := range d.headers {
		key := http.CanonicalHeaderKey(name)
		field := join("headers", name)
		switch {
		case !isToken(name):
			return nil, invalidField(field, "is no name of a header")
		case slices.Contains(handshakes, key), strings.HasPrefix(key, "Sec-Websocket-"), strings.HasPrefix(key, "Proxy-"):
			return nil, invalidField(field, "belongs to the handshake")
		case header[key] != nil:
			return nil, invalidField(field, "is given more than once")
		case strings.ContainsFunc(value, isControl):
			return nil, invalidField(field, "has control characters")
		}
		header[key] = []string{value}
	}
	return header, nil
}

// isControl reports what no header's value may hold (RFC 9110, section 5.5).
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// isToken reports whether s is one (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", r)
	})
}

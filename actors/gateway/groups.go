package gateway

import (
	"context"
	"net/http"

	"github.com/tetherws/tether/messages"
)

const mostGroup = 256 // bytes of a group's name

// checkGroup refuses names that a URL can't carry: an encoded dot segment is
// one to whoever makes paths normal.
func checkGroup(name string) error {
	if !printable(name, mostGroup) || name == "." || name == ".." {
		return invalidField("group", "must be 1 to %d bytes of UTF-8 without control characters, and not a dot or two", mostGroup)
	}
	return nil
}

// join answers PUT /v1/groups/{group}/{id}.
func (c *control) join(r *call) error { return r.regroup(c.fleet.Join) }

// leave answers DELETE /v1/groups/{group}/{id}.
func (c *control) leave(r *call) error { return r.regroup(c.fleet.Leave) }

func (r *call) regroup(change func(context.Context, messages.ID, string) error) error {
	group := r.PathValue("group")
	if err := checkGroup(group); err != nil {
		return err
	}
	id, err := r.id()
	if err != nil {
		return err
	}
	if err := change(r.Context(), id, group); err != nil {
		return err
	}
	return r.noContent()
}

// broadcastGroup answers POST /v1/groups/{group}. A group that nobody is in is
// no error.
func (c *control) broadcastGroup(r *call) error {
	group := r.PathValue("group")
	if err := checkGroup(group); err != nil {
		return err
	}
	return c.broadcast(r, group)
}

// broadcastAll answers POST /v1/broadcast.
func (c *control) broadcastAll(r *call) error { return c.broadcast(r, "") }

func (c *control) broadcast(r *call, group string) error {
	m, err := c.message(r)
	if err != nil {
		return err
	}
	admitted, refused, err := c.fleet.Broadcast(r.Context(), group, m)
	if err != nil {
		return err
	}
	return r.reply(http.StatusAccepted, broadcastJSON{admitted, refused})
}

type broadcastJSON struct {
	Admitted int `json:"admitted"`
	Refused  int `json:"refused"`
}

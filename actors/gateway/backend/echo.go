package backend

import (
	"context"
	"errors"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
)

// Echo sends back each message as it came. While the outbox is full it holds
// the reading up. A message goes back on the socket that it came by or, where
// the peer returns under its ID (tether.v1), on any.
//
// A message that is larger than the whole outbox closes its connection with
// 1009.
type Echo struct{ actors.BaseHandler }

// Message implements actors.Handler.
func (Echo) Message(c actors.Conn, m messages.Message) error {
	err := sendBack(context.Background(), c, m) // ends with the connection
	switch {
	case errors.Is(err, messages.ErrTooLarge):
		return &messages.CloseError{Code: codeTooBig, Reason: "message is too large to be sent back", Err: err}
	case gone(err):
		return nil
	}
	return err
}

const codeTooBig = 1009

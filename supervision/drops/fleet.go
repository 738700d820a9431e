package drops

import (
	"context"

	"github.com/tetherws/tether/messages"
)

// Fleet is what a [Simulation] puts to the test: whatever holds connections by
// their IDs. *actors.Manager is one.
type Fleet interface {
	Send(id messages.ID, m messages.Message) error
	Close(ctx context.Context, id messages.ID, code int, reason string) error
	Retry(id messages.ID) error
	Info(id messages.ID) (messages.Info, error)
	Shutdown(ctx context.Context) error
}

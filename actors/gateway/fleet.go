package gateway

import (
	"context"
	"iter"
	"net/http"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
)

// Fleet is the connections that a [Gateway] is the face of: those of one
// manager, by [Local], or of several nodes. The methods are those of
// [actors.Manager] and return its errors; where they have to ask another node,
// they block until ctx ends at the latest.
type Fleet interface {
	Accept(w http.ResponseWriter, r *http.Request, c actors.Client) (messages.ID, error)
	Dial(ctx context.Context, t actors.Target) (messages.ID, error)
	Send(ctx context.Context, id messages.ID, m messages.Message) error
	Deliver(ctx context.Context, id messages.ID, m messages.Message) error
	Close(ctx context.Context, id messages.ID, code int, reason string) error
	Retry(ctx context.Context, id messages.ID) error
	Info(ctx context.Context, id messages.ID) (messages.Info, error)
	Connections(ctx context.Context) iter.Seq[messages.Info]
	Join(ctx context.Context, id messages.ID, group string) error
	Leave(ctx context.Context, id messages.ID, group string) error
	Broadcast(ctx context.Context, group string, m messages.Message) (admitted, refused int, err error)
	Stats(ctx context.Context) (messages.Stats, error)
}

// Local is the Fleet of one manager in this process.
func Local(m *actors.Manager) Fleet { return local{m} }

type local struct{ m *actors.Manager }

func (l local) Accept(w http.ResponseWriter, r *http.Request, c actors.Client) (messages.ID, error) {
	return l.m.Accept(w, r, c)
}

func (l local) Dial(ctx context.Context, t actors.Target) (messages.ID, error) {
	return l.m.Dial(ctx, t)
}

func (l local) Send(_ context.Context, id messages.ID, m messages.Message) error {
	return l.m.Send(id, m)
}

func (l local) Deliver(ctx context.Context, id messages.ID, m messages.Message) error {
	return l.m.Deliver(ctx, id, m)
}

func (l local) Close(ctx context.Context, id messages.ID, code int, reason string) error {
	return l.m.Close(ctx, id, code, reason)
}

func (l local) Retry(_ context.Context, id messages.ID) error { return l.m.Retry(id) }

func (l local) Info(_ context.Context, id messages.ID) (messages.Info, error) { return l.m.Info(id) }

func (l local) Connections(context.Context) iter.Seq[messages.Info] { return l.m.Connections() }

func (l local) Join(_ context.Context, id messages.ID, group string) error {
	return l.m.Join(id, group)
}

func (l local) Leave(_ context.Context, id messages.ID, group string) error {
	return l.m.Leave(id, group)
}

func (l local) Broadcast(_ context.Context, group string, m messages.Message) (admitted, refused int, err error) {
	admitted, refused = l.m.Broadcast(group, m)
	return admitted, refused, nil
}

func (l local) Stats(context.Context) (messages.Stats, error) { return l.m.Stats(), nil }

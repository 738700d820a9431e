package drops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tetherws/tether/messages"
)

// Tally is what a [Simulation] has counted of one connection.
type Tally struct {
	Strikes []Strike       // the steps of the script, as they were done
	Drops   map[string]int // by the kind of their cause: "cut", "close 1012", "silent", ...
	Opened  int            // how often it became Open
	Failed  int            // attempts to open it that did not
	Sent    uint64         // messages that the fleet admitted
	Arrived uint64         // messages that the server read, repeated ones included
}

// Strike is a step that was done.
type Strike struct {
	At time.Duration // from the start
	Step
	Err error // why it had no effect
}

// String gives the time and the step in the words of a script, and why it had
// no effect.
func (s Strike) String() string {
	text := fmt.Sprintf("%v %v", s.At, s.What)
	if s.For > 0 {
		text += fmt.Sprintf(" for %v", s.For)
	}
	switch {
	case errors.Is(s.Err, net.ErrClosed):
		text += ": it was down"
	case s.Err != nil:
		text += ": " + s.Err.Error()
	}
	return text
}

// Reconnects is how often the connection has come back.
func (t Tally) Reconnects() int { return max(t.Opened-1, 0) }

// Dropped is how often it was lost while it was open.
func (t Tally) Dropped() (n int) {
	for _, times := range t.Drops {
		n += times
	}
	return n
}

// String gives the drops by their causes, the failed attempts and the
// reconnects. The messages are not in it.
func (t Tally) String() string {
	text := fmt.Sprintf("%d dropped", t.Dropped())
	if len(t.Drops) > 0 {
		var kinds []string
		for _, kind := range slices.Sorted(maps.Keys(t.Drops)) {
			kinds = append(kinds, fmt.Sprintf("%d %s", t.Drops[kind], kind))
		}
		text += " (" + strings.Join(kinds, ", ") + ")"
	}
	return fmt.Sprintf("%s, %d attempts failed, %d reconnects", text, t.Failed, t.Reconnects())
}

func (t *Tally) transit(e messages.Transition) {
	down := e.To == messages.Backoff || e.To == messages.Parked
	switch {
	case e.To == messages.Open:
		t.Opened++
	case down && e.From == messages.Open:
		t.Drops[kindOf(e.Cause)]++
	case down:
		t.Failed++
	}
}

// kindOf names the kind of a drop's cause.
func kindOf(cause error) string {
	var (
		closed   *messages.PeerCloseError
		refused  *messages.HandshakeError
		protocol *messages.ProtocolError
	)
	switch {
	case errors.As(cause, &closed):
		return fmt.Sprintf("close %d", closed.Code)
	case errors.As(cause, &refused):
		return fmt.Sprintf("status %d", refused.Status)
	case errors.As(cause, &protocol):
		return fmt.Sprintf("protocol %d", protocol.Code)
	}
	for _, kind := range kinds {
		if errors.Is(cause, kind.err) {
			return kind.name
		}
	}
	return "other"
}

// The first match counts. RST and FIN are one kind: which of them comes first
// when both ends give up at one instant is a matter of luck.
var kinds = []struct {
	err  error
	name string
}{
	{messages.ErrUnconfirmed, "unconfirmed"},
	{messages.ErrHeartbeatTimeout, "silent"},
	{syscall.ECONNRESET, "cut"},
	{syscall.EPIPE, "cut"},
	{io.EOF, "cut"},
	{io.ErrUnexpectedEOF, "cut"},
	{os.ErrDeadlineExceeded, "timeout"},
	{context.DeadlineExceeded, "timeout"},
}

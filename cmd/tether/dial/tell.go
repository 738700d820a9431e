package dial

import (
	"fmt"
	"io"
	"time"

	"github.com/tetherws/tether/cmd/tether/terminal"
	"github.com/tetherws/tether/messages"
)

// down reports whether a connection in the state waits for an attempt.
func down(s messages.State) bool { return s == messages.Backoff || s == messages.Parked }

// tell says in one line what became of the connection.
func tell(w io.Writer, e messages.EventTransition) {
	colour, text := terminal.Yellow, e.To.String()
	switch {
	case e.To == messages.Open:
		colour = terminal.Green
	case down(e.To):
		text += fmt.Sprintf(": %v; next attempt in %v", e.Cause, e.Delay.Round(time.Millisecond))
	}
	_, _ = fmt.Fprintln(w, "tether:", terminal.Paint(w, colour, text))
}

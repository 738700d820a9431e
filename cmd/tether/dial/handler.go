package dial

import (
	"encoding/hex"
	"fmt"
	"io"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
)

// printer prints what arrives.
type printer struct {
	w        io.Writer
	terminal bool
	fail     func(error) // when w takes no more
}

func (p printer) message(_ actors.Conn, m messages.Message) error {
	if _, err := p.w.Write(p.form(m)); err != nil {
		p.fail(fmt.Errorf("printing: %w", err))
	}
	return nil
}

// form returns text as a line, and binary data as it is, or a summary of it
// for people.
func (p printer) form(m messages.Message) []byte {
	const shown = 32
	switch {
	case m.Kind == messages.KindText:
		return append(m.Data, '\n')
	case !p.terminal:
		return m.Data
	case len(m.Data) > shown:
		return fmt.Appendf(nil, "(%d bytes: %s...)\n", len(m.Data), hex.EncodeToString(m.Data[:shown]))
	}
	return fmt.Appendf(nil, "(%d bytes: %s)\n", len(m.Data), hex.EncodeToString(m.Data))
}

package terminal

import (
	"io"
	"os"
)

// Colour is a colour of text.
type Colour string

const (
	Red    Colour = "\x1b[31m"
	Green  Colour = "\x1b[32m"
	Yellow Colour = "\x1b[33m"
)

// Paint returns text in the colour where w is a [Screen], and text alone where
// it is not or where NO_COLOR is set.
func Paint(w io.Writer, c Colour, text string) string {
	_, screen := Of(w)
	if !screen || os.Getenv("NO_COLOR") != "" {
		return text
	}
	return string(c) + text + "\x1b[0m"
}

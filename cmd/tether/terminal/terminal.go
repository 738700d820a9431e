// Package terminal tells a terminal from a file or a pipe, and draws on one.
//
// What people read in passing goes to a [Screen] when there is one, and as
// plain lines otherwise; no escape sequence ever reaches a file.
package terminal

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Screen is a writer that ends at a terminal.
type Screen interface {
	io.Writer
	// Width is the number of columns at present; 80 where that is unknown.
	Width() int
}

// Of returns w as a Screen: w itself if it is one, or the terminal that the
// file w is open on, unless TERM is "dumb". It reports false for anything else.
func Of(w io.Writer) (Screen, bool) {
	switch w := w.(type) {
	case Screen:
		return w, true
	case *os.File:
		if os.Getenv("TERM") != "dumb" && term.IsTerminal(int(w.Fd())) {
			return device{w}, true
		}
	}
	return nil, false
}

type device struct{ *os.File }

func (d device) Width() int {
	width, _, err := term.GetSize(int(d.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return width
}

package drops

import (
	"fmt"
	"strings"

	"github.com/tetherws/tether/messages"
)

// Parse reads a [Happening] of this package from the words that its String
// gives: a name, then its arguments, apart by spaces; [Words] lists them all.
// Flags and key=value arguments may come in any order. A value with spaces is
// quoted as in Go. What String gives for a valid happening, Parse reads back
// as the same.
//
// The error is one line, matches messages.ErrInvalid, and says what would be
// right. Words of more than 4 KiB are one.
func Parse(words string) (Happening, error) {
	f, err := fields(words)
	if err != nil {
		return nil, err
	}
	return parseFields(f)
}

// Words returns the usage of each happening that [Parse] reads, one line for
// each: its name, then its arguments, optional ones in brackets.
func Words() []string {
	usages := make([]string, 0, len(vocabulary))
	for _, w := range vocabulary {
		var a arguments
		w.read(&a)
		usages = append(usages, w.usage(&a))
	}
	return usages
}

func parseFields(f []string) (Happening, error) {
	if len(f) == 0 {
		return nil, fmt.Errorf("%w: nothing happens; there are %s", messages.ErrInvalid, names())
	}
	w, ok := lookUp(f[0])
	if !ok {
		return nil, fmt.Errorf("%w: nothing is called %q; there are %s", messages.ErrInvalid, f[0], names())
	}
	a := arguments{rest: f[1:]}
	h := w.read(&a)
	if err := a.end(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w; usage: %s", messages.ErrInvalid, w.name, err, w.usage(&a))
	}
	return h, nil
}

// checkHappening reports a happening that could not be played, or whose
// fields can be seen to be out of their range.
func checkHappening(h Happening) error {
	switch h.(type) {
	case Fault, Refusal, DialFault:
	default:
		return notPlayable(h)
	}
	words := h.String()
	if _, ok := lookUp(nameOf(words)); !ok {
		return nil // of another package
	}
	_, err := Parse(words)
	return err
}

func notPlayable(h Happening) error {
	return fmt.Errorf("%w: %v (%T) is neither a Fault, a Refusal nor a DialFault", messages.ErrInvalid, h, h)
}

func nameOf(words string) string {
	name, _, _ := strings.Cut(words, " ")
	return name
}

func names() string {
	list := make([]string, 0, len(vocabulary))
	for _, w := range vocabulary {
		list = append(list, w.name)
	}
	return strings.Join(list, ", ")
}

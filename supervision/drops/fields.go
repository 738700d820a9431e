package drops

import (
	"fmt"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/tetherws/tether/messages"
)

// maxLine bounds what is read as one line, in bytes, and so what errors quote.
const maxLine = 4 << 10

// fields cuts a line into words. Spaces within quotes don't cut, and the
// quotes stay.
func fields(line string) ([]string, error) {
	if len(line) > maxLine {
		return nil, fmt.Errorf("%w: a line of %d bytes; at most %d", messages.ErrInvalid, len(line), maxLine)
	}
	words, err := split(line, unicode.IsSpace)
	return slices.DeleteFunc(words, func(word string) bool { return word == "" }), err
}

// split cuts text at the separators outside quotes.
func split(text string, separates func(rune) bool) ([]string, error) {
	var parts []string
	start := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '"':
			quoted, err := strconv.QuotedPrefix(text[i:])
			if err != nil {
				return nil, fmt.Errorf("%w: the quote at byte %d is not one of Go's, or does not end", messages.ErrInvalid, i+1)
			}
			size = len(quoted)
		case separates(r):
			parts = append(parts, text[start:i])
			start = i + size
		}
		i += size
	}
	return append(parts, text[start:]), nil
}

package drops

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// arguments are the words behind a name. They are taken one kind after the
// other, by which the taker also says what may stand there.
type arguments struct {
	rest  []string // not taken yet
	usage []string // what was asked for
	err   error    // the first that is wrong
}

// flag takes the word, and reports whether it is there.
func (a *arguments) flag(word string) bool {
	a.usage = append(a.usage, "["+word+"]")
	i := slices.Index(a.rest, word)
	if i < 0 {
		return false
	}
	a.take(i)
	return true
}

// number takes a bare number from 0 to most, which must come first. A name in
// brackets is optional, and 0 if it is missing.
func (a *arguments) number(name string, most int) int {
	a.usage = append(a.usage, name)
	bare := strings.Trim(name, "[]")
	if len(a.rest) > 0 && strings.ContainsAny(a.rest[0][:1], "0123456789+-") {
		return int(a.whole(bare, a.take(0), uint64(most)))
	}
	if bare == name {
		a.fail("%s is missing", name)
	}
	return 0
}

// count takes key=N; 0 if it is missing.
func (a *arguments) count(key string) int {
	return int(a.whole(key, a.value(key, "N"), math.MaxInt))
}

// seed takes key=N, of all 64 bits; 0 if it is missing.
func (a *arguments) seed(key string) uint64 {
	return a.whole(key, a.value(key, "N"), math.MaxUint64)
}

// duration takes key=DURATION; 0 if it is missing.
func (a *arguments) duration(key string) time.Duration {
	text := a.value(key, "DURATION")
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		a.fail("%s is a duration such as 1.5s and not negative, not %q", key, text)
	}
	return d
}

// text takes key="TEXT" of at most so many bytes; "" if it is missing.
func (a *arguments) text(key string, most int) string {
	text := a.value(key, `"TEXT"`)
	if strings.Contains(text, `"`) {
		unquoted, err := strconv.Unquote(text)
		if err != nil || text[0] != '"' {
			a.fail("%s is quoted as a whole or not at all, not %q", key, text)
		}
		text = unquoted
	}
	if len(text) > most {
		a.fail("%s has at most %d bytes, not %d", key, most, len(text))
	}
	return text
}

func (a *arguments) whole(name, text string, most uint64) uint64 {
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > most {
		a.fail("%s is a whole number from 0 to %d, not %q", name, most, text)
		return 0
	}
	return n
}

// value takes the text behind key=; "" if it is missing.
func (a *arguments) value(key, form string) string {
	a.usage = append(a.usage, "["+key+"="+form+"]")
	i := slices.IndexFunc(a.rest, func(word string) bool { return strings.HasPrefix(word, key+"=") })
	if i < 0 {
		return ""
	}
	_, text, _ := strings.Cut(a.take(i), "=")
	if text == "" {
		a.fail("%s= has no value", key)
	}
	return text
}

func (a *arguments) take(i int) string {
	word := a.rest[i]
	a.rest = slices.Delete(a.rest, i, i+1)
	return word
}

func (a *arguments) fail(format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf(format, args...)
	}
}

// end returns what was wrong; a word that nobody took is.
func (a *arguments) end() error {
	if a.err == nil && len(a.rest) > 0 {
		a.fail("%q may not stand here, or not again", a.rest[0])
	}
	return a.err
}

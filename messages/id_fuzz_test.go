package messages_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tetherws/tether/messages"
)

// FuzzParseID takes any text: it is the canonical form of an ID, in either
// case, or invalid.
func FuzzParseID(f *testing.F) {
	const canonical = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	for _, s := range []string{
		"", canonical, strings.ToUpper(canonical), "{" + canonical + "}", "urn:uuid:" + canonical,
		strings.ReplaceAll(canonical, "-", ""), canonical[:35], canonical + "0", canonical[:35] + "g",
		"00000000-0000-0000-0000-000000000000", strings.Repeat("é", 18),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := messages.ParseID(s)
		if err != nil {
			if !errors.Is(err, messages.ErrInvalid) || !id.IsZero() {
				t.Errorf("%v, %v", id, err)
			}
			return
		}
		if id.String() != strings.ToLower(s) {
			t.Errorf("%q was read as %v", s, id)
		}
		var again messages.ID
		if text, _ := id.MarshalText(); again.UnmarshalText(text) != nil || again != id {
			t.Errorf("%v came back as %v", id, again)
		}
	})
}

package messages

import (
	"bytes"
	"fmt"

	"github.com/google/uuid"
)

// ID names a connection for its whole life, over all of its sockets. It is a
// UUID; the zero ID names nothing.
type ID [16]byte

// NewID returns a random ID (a version 4 UUID, RFC 9562).
func NewID() ID { return ID(uuid.New()) }

// ParseID reads the form that String writes, in either case. Any other text
// is an error that matches [ErrInvalid].
func ParseID(s string) (ID, error) {
	// uuid.Parse also takes braces, a urn prefix and 32 bare digits: one
	// connection must not have four names in a URL.
	if len(s) != 36 {
		return ID{}, fmt.Errorf("%w: connection ID %.40q is not a UUID", ErrInvalid, s)
	}
	u, err := uuid.Parse(s)
	if err != nil {
		return ID{}, fmt.Errorf("%w: connection ID %q is not a UUID", ErrInvalid, s)
	}
	return ID(u), nil
}

// IsZero reports whether id is the zero ID.
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders IDs by their bytes: -1, 0 or +1.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// String returns the canonical form, 36 characters in lower case.
func (id ID) String() string { return uuid.UUID(id).String() }

// MarshalText implements encoding.TextMarshaler with the form of String.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; see [ParseID].
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

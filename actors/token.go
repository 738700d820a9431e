package actors

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"

	"github.com/tetherws/tether/messages"
)

// A token is a connection's ID and a secret, in base64url without padding. The
// ID finds the record, the secret opens it.
const (
	secretSize = 32
	tokenSize  = len(messages.ID{}) + secretSize
)

var tokenText = base64.RawURLEncoding.Strict()

// digest is all that is kept of a token.
type digest [sha256.Size]byte

// tokens are those that a client may return with: the newest, and the one
// before until it is sure that the client has the newest.
type tokens struct {
	newest, older digest
	both          bool // older is valid
}

// issue returns a new token, which takes the place of the newest.
func (t *tokens) issue(id messages.ID) string {
	b := make([]byte, tokenSize)
	copy(b, id[:])
	_, _ = rand.Read(b[len(id):]) // never fails
	t.newest = sha256.Sum256(b)
	return tokenText.EncodeToString(b)
}

// match reports whether d is of a valid token, and of the newest one.
func (t *tokens) match(d digest) (valid, newest bool) {
	newest = subtle.ConstantTimeCompare(t.newest[:], d[:]) == 1
	older := subtle.ConstantTimeCompare(t.older[:], d[:]) == 1
	return newest || older && t.both, newest
}

// used notes what the client has returned with: it stays valid until the
// client has a newer one for sure, and no other does.
func (t *tokens) used(d digest) { t.older, t.both = d, true }

// confirm notes that the client has the newest.
func (t *tokens) confirm() { t.older, t.both = digest{}, false }

// parseToken reads a token of ours, or something else that looks like one.
func parseToken(s string) (id messages.ID, d digest, ok bool) {
	b, err := tokenText.DecodeString(s)
	if err != nil || len(b) != tokenSize {
		return id, d, false
	}
	copy(id[:], b)
	return id, sha256.Sum256(b), true
}

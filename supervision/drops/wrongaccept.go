package drops

import (
	"encoding/base64"
	"net/http"
)

const challengeKey = "Sec-WebSocket-Key"

// WrongAccept answers the handshake with an upgrade whose Sec-WebSocket-Accept
// belongs to another handshake's key. A client must refuse it (RFC 6455,
// section 4.1). Until the client closes its end, or the request's context ends,
// the connection is held, and what the client sends is discarded; like every
// upgraded connection it is no longer http.Server's to close. A request that is
// no WebSocket handshake is answered with 400, or 405 if it is no GET.
type WrongAccept struct{}

// ServeHTTP implements http.Handler.
func (WrongAccept) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	other := r.Clone(r.Context())
	other.Header.Set(challengeKey, anotherKey(r.Header.Get(challengeKey)))
	ws, err := upgrade(w, other)
	if err != nil {
		return // answered
	}
	hold(r.Context(), ws.NetConn())
}

func (WrongAccept) String() string { return "wrong-accept" }

// anotherKey returns a key as good as key. What is no key stays as it is.
func anotherKey(key string) string {
	nonce, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(nonce) == 0 {
		return key
	}
	nonce[0]++
	return base64.StdEncoding.EncodeToString(nonce)
}

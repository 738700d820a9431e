package drops

import (
	"context"
	"net/http"
)

// Happening is one thing that a [Script] does to a connection: a [Fault], a
// [Refusal] or a [DialFault], and nothing else. String gives it in the words
// that [Parse] reads.
type Happening interface{ String() string }

// Refusal is a fault of the handshake: it answers the request, or doesn't, in
// place of the server. A [Gate] makes it happen.
type Refusal interface {
	http.Handler
	String() string
}

// DialFault is a fault of the dial: there is no connection at all. A [Dialer]
// makes it happen. Fail returns the error that the dial ends with, and may
// block until ctx has ended.
type DialFault interface {
	Fail(ctx context.Context, network, addr string) error
	String() string
}

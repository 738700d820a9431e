package drops

import (
	"io"
	"net/http"
)

// StallHandshake never answers. It holds a request that it has read whole,
// whatever the server's timeouts, until the client has closed or half-closed
// its end, or the request's context has ended, and then ends the connection
// without a byte.
//
// The connection stays the server's: http.Server.Close ends it, and Shutdown
// waits for it as for any request. A client that sends anything while it waits,
// as RFC 6455 forbids, hides its own and the server's end from net/http: then
// only the request's context ends the wait, as a BaseContext can.
type StallHandshake struct{}

// ServeHTTP implements http.Handler. It ends with http.ErrAbortHandler, the
// panic by which net/http knows not to answer.
func (StallHandshake) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	// net/http looks out for the client's end only after the body.
	if _, err := io.Copy(io.Discard, r.Body); err == nil {
		<-r.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

func (StallHandshake) String() string { return "stall-handshake" }

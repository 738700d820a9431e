package drops

import "net/http"

// HangUp resets the connection instead of answering the handshake, beneath
// TLS too. Where the connection can't be taken from the server, as with
// HTTP/2, it panics with http.ErrAbortHandler, by which net/http ends it, or
// the stream, without an answer. A connection that can't be reset is closed.
type HangUp struct{}

// ServeHTTP implements http.Handler.
func (HangUp) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = Reset{}.Inject(Wrap(c))
}

func (HangUp) String() string { return "hang-up" }

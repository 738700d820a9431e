package backend

import (
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/tetherws/tether/messages"
)

// answer is the service's to one request.
type answer struct {
	attempt int // from 1
	status  int
	header  http.Header
	body    []byte
	long    bool // the body is longer than it may be, and was not kept
}

func (a answer) taken() bool { return a.status >= 200 && a.status < 300 }

// refused reports whether the service does not want the event, at no fault of
// its own.
func (a answer) refused() bool { return a.status >= 300 && a.status < 500 }

// message returns the body as one to the client.
func (a answer) message() messages.Message {
	kind := messages.KindText
	if mediaType, _, _ := mime.ParseMediaType(a.header.Get("Content-Type")); mediaType == typeBinary {
		kind = messages.KindBinary
	}
	return messages.Message{Kind: kind, Data: a.body}
}

// retryAfter returns how long the service asked us to stay away (RFC 9110,
// section 10.2.3): seconds, or a date.
func (a answer) retryAfter(now time.Time) time.Duration {
	value := a.header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

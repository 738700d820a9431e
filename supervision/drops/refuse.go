package drops

import (
	"net/http"
	"strconv"
	"time"
)

// Refuse answers a handshake with a status instead of an upgrade.
type Refuse struct {
	// Status is the HTTP status; zero is 503.
	Status int
	// RetryAfter is what the Retry-After header asks for, rounded up to whole
	// seconds; not positive sends none.
	RetryAfter time.Duration
}

// ServeHTTP implements http.Handler.
func (r Refuse) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if r.RetryAfter > 0 {
		seconds := (r.RetryAfter-1)/time.Second + 1
		w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	status := r.Status
	if status == 0 {
		status = http.StatusServiceUnavailable
	}
	http.Error(w, http.StatusText(status), status)
}

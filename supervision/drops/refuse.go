package drops

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tetherws/tether/messages"
)

// Refuse answers a handshake with a status instead of an upgrade.
type Refuse struct {
	// Status is the HTTP status; zero is 503. Outside 200 to 999 the handshake
	// is answered with 500 and the error.
	Status int
	// RetryAfter is what the Retry-After header asks for, rounded up to whole
	// seconds; not positive sends none.
	RetryAfter time.Duration
}

// ServeHTTP implements http.Handler.
func (r Refuse) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	status := r.status()
	if status < 200 || status > 999 {
		err := fmt.Errorf("%w: status %d", messages.ErrInvalid, status)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if r.RetryAfter > 0 {
		seconds := (r.RetryAfter-1)/time.Second + 1
		w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	http.Error(w, http.StatusText(status), status)
}

func (r Refuse) String() string {
	return string(phrase("refuse").number(r.Status).duration("retry-after", r.RetryAfter))
}

func (r Refuse) status() int {
	if r.Status == 0 {
		return http.StatusServiceUnavailable
	}
	return r.Status
}

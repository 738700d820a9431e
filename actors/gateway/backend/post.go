package backend

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// post repeats e until the service has answered for good, and returns that
// answer, or else a *ServiceError.
func (h *HTTP) post(ctx context.Context, e event) (answer, error) {
	failure := &ServiceError{Event: e.kind, Err: errBusy}
	for n := 0; h.takeSlot(ctx); n++ {
		if n > 0 {
			h.counts.retries.Add(1)
		}
		a, err := h.exchange(ctx, e)
		a.attempt = n + 1
		if err == nil && !slices.Contains(passing, a.status) {
			return a, nil
		}
		failure = &ServiceError{Event: e.kind, Attempts: a.attempt, Status: a.status, Err: err}
		if n == h.config.Retries || !h.pause(ctx, h.delay(n, a), e, failure) {
			break
		}
	}
	return answer{}, failure
}

var errBusy = errors.New("too many requests were under way")

// passing are statuses of troubles that pass by themselves.
var passing = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests,
	http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// takeSlot waits until a request may be made. It reports false if ctx ends
// first.
func (h *HTTP) takeSlot(ctx context.Context) bool {
	select {
	case h.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// exchange makes one request and gives its slot up.
func (h *HTTP) exchange(ctx context.Context, e event) (answer, error) {
	defer func() { <-h.slots }()
	ctx, cancel := context.WithTimeout(ctx, h.config.Timeout)
	defer cancel()
	request, err := h.request(ctx, e)
	if err != nil {
		return answer{}, bare(err)
	}
	response, err := h.client.Do(request)
	if err != nil {
		return answer{}, bare(err)
	}
	defer response.Body.Close()
	return read(response, h.config.MaxAnswer)
}

// bare leaves out the URL, which may hold a token: errors are logged.
func bare(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}

func read(r *http.Response, limit int64) (answer, error) {
	a := answer{status: r.StatusCode, header: r.Header}
	if r.StatusCode == http.StatusSwitchingProtocols {
		return a, nil // there is no body, but something without an end
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		a.long = true
		return a, nil
	}
	if err != nil {
		return answer{}, err
	}
	a.body = body
	return a, nil
}

// delay returns how long to wait after attempt n, from 0, was answered with a.
func (h *HTTP) delay(n int, a answer) time.Duration {
	return max(h.config.Backoff.Delay(n, rand.Float64()), min(a.retryAfter(time.Now()), mostRetryAfter))
}

const mostRetryAfter = 30 * time.Second

// pause waits before e is repeated, if there is time enough left for that.
func (h *HTTP) pause(ctx context.Context, d time.Duration, e event, cause error) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	h.config.Logger.Debug("event is to be repeated", "conn", e.conn, "event", e.kind, "delay", d, "cause", cause)
	return sleep(ctx, d)
}

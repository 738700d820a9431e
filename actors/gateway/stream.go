package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/tetherws/tether/messages"
)

const (
	streamTimeout = 10 * time.Second // of a batch to be written
	keepAlive     = 15 * time.Second
)

// stream is an answer of server-sent events (text/event-stream).
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	number  uint64 // of the last event
	lost    uint64 // of the subscription's, how many were told
}

func newStream(r *call) *stream {
	r.wait()
	r.w.Header().Set("Content-Type", "text/event-stream")
	r.w.Header().Set("X-Accel-Buffering", "no") // a proxy on the way may hold events back otherwise
	r.w.WriteHeader(http.StatusOK)
	return &stream{w: r.w, control: http.NewResponseController(r.w)}
}

// run writes what comes until ctx ends, or the client takes no more.
func (s *stream) run(ctx context.Context, feed *Subscription) {
	defer func() { _ = s.control.SetWriteDeadline(time.Time{}) }()
	beat := time.NewTicker(keepAlive)
	defer beat.Stop()
	err := s.batch(s.comment, feed.Lost)
	for err == nil {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			err = s.batch(s.comment, feed.Lost)
		case e, open := <-feed.Events():
			if !open {
				return
			}
			err = s.batch(func() error { return s.events(e, feed) }, feed.Lost)
		}
	}
}

// batch writes and flushes, in time.
func (s *stream) batch(write func() error, lost func() uint64) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(streamTimeout))
	if err := write(); err != nil {
		return err
	}
	if all := lost(); all > s.lost {
		if err := s.event(typeLost, lostJSON{all - s.lost}); err != nil {
			return err
		}
		s.lost = all
	}
	return s.control.Flush()
}

// comment shows that the stream lives.
func (s *stream) comment() error {
	_, err := s.w.Write([]byte(":\n\n"))
	return err
}

// events writes e and what waits behind it, up to a buffer's worth.
func (s *stream) events(e messages.Event, feed *Subscription) error {
	for n := 1; ; n++ {
		kind, _ := kindOf(e)
		if err := s.event(kind, viewOf(e)); err != nil || n == streamBuffer {
			return err
		}
		select {
		case next, open := <-feed.Events():
			if !open {
				return nil
			}
			e = next
		default:
			return nil
		}
	}
}

// event writes one; JSON has no line breaks.
func (s *stream) event(kind string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.number++
	_, err = fmt.Fprintf(s.w, "id: %d\nevent: %s\ndata: %s\n\n", s.number, kind, data)
	return err
}

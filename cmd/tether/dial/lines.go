package dial

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tetherws/tether/messages"
)

// send sends the lines of stdin and waits until each has had its outcome.
func (s *session) send(ctx context.Context, stdin io.Reader) error {
	lines := bufio.NewScanner(stdin)
	lines.Buffer(nil, int(s.cfg.MaxMessage)+len("\r\n"))
	sent := int64(0)
	for ; lines.Scan(); sent++ {
		if err := s.admit(ctx, lines.Text()); err != nil {
			return fmt.Errorf("line %d: %w", sent+1, err)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("line %d: %w", sent+1, errTooLong)
	} else if err != nil {
		return fmt.Errorf("line %d: %w", sent+1, err)
	}
	return s.settle(ctx, sent)
}

var errTooLong = errors.New("longer than --max-message")

// admit sends one line as soon as there is room.
func (s *session) admit(ctx context.Context, line string) error {
	if len(line) > int(s.cfg.MaxMessage) {
		return errTooLong
	}
	m := messages.Text(line)
	m.Guarantee = messages.AtLeastOnce
	err := s.manager.Send(s.id, m)
	for errors.Is(err, messages.ErrQueueFull) && pause(ctx) {
		err = s.manager.Send(s.id, m)
	}
	return err
}

// settle waits for the connection, which may have to say hello, and for the
// outcome of so many messages.
func (s *session) settle(ctx context.Context, sent int64) error {
	err := s.manager.Wait(ctx, s.id, messages.Open)
	for err == nil && s.settled.Load() < sent && pause(ctx) {
	}
	return err
}

// pause waits a little, for room or for an outcome. It reports false when ctx
// has ended.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(5 * time.Millisecond):
		return true
	case <-ctx.Done():
		return false
	}
}

package demo

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"

	"github.com/tetherws/tether/messages"
)

// traffic sends numbered messages to random connections.
type traffic struct {
	send   func(messages.ID, messages.Message) error
	ids    []messages.ID
	random *rand.Rand
	score  *score
	last   []uint64 // numbers sent so far, by the place in ids
}

// next sends one message. The error is of a connection that takes none any
// more.
func (t *traffic) next() error {
	i := t.random.IntN(len(t.ids))
	m := messages.Binary(binary.AppendUvarint(nil, t.last[i]+1))
	m.Guarantee = messages.AtLeastOnce
	err := t.send(t.ids[i], m)
	switch {
	case err == nil:
		t.last[i]++
		t.score.add(func(c *counts) { c.sent++ })
	case errors.Is(err, messages.ErrQueueFull):
		t.score.add(func(c *counts) { c.refused++ })
		return nil
	}
	return err
}

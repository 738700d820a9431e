package backend

import "sync/atomic"

// Counts is what an [HTTP] has done since it was made. Events came up as
// opened, messages and closed; each that is not under way any more was
// delivered, refused or failed.
type Counts struct {
	Opened, Messages, Closed uint64 // events

	Delivered uint64 // answered with 2xx
	Refused   uint64 // answered with 3xx or 4xx
	Failed    uint64 // answered otherwise, or not in time: lost

	Retries uint64 // requests beside the first of each event
	Answers uint64 // messages of the service that were sent to clients
	Unsent  uint64 // those that were not: the client was gone, or the message not fit

	Requests int // under way now
}

type counters struct {
	opened, messages, closed   atomic.Uint64
	delivered, refused, failed atomic.Uint64
	retries, answers, unsent   atomic.Uint64
}

// Counts returns the counts of the moment. Anybody may call it at any time; it
// does not block.
func (h *HTTP) Counts() Counts {
	n := &h.counts
	// What events become is read first, so that it is never more than they are.
	counts := Counts{Delivered: n.delivered.Load(), Refused: n.refused.Load(), Failed: n.failed.Load()}
	counts.Opened, counts.Messages, counts.Closed = n.opened.Load(), n.messages.Load(), n.closed.Load()
	counts.Retries, counts.Answers, counts.Unsent = n.retries.Load(), n.answers.Load(), n.unsent.Load()
	counts.Requests = len(h.slots)
	return counts
}

package drops

import (
	"errors"
	"slices"

	"github.com/tetherws/tether/messages"
)

// refused holds that a message is given up only by a drop that may be its
// fault, the first of those that wait for a confirmation, and only after an
// earlier drop has had it go alone: one by a close that names a bad message,
// or three of any kind.
func (p *post) refused(l *letter, v verdict) string {
	const suspicious = 3
	before := p.drops - l.drops
	switch {
	case l.Guarantee != messages.AtLeastOnce:
		return "and is at-most-once"
	case v.Err == nil || innocent(v.Err):
		return "for what is no message's fault"
	case before < 1, !rejects(v.Err) && before < suspicious:
		return "and was not given another chance, alone"
	case p.behind(v.Number):
		return "and was not the first to be confirmed"
	}
	p.needs(v, "and no socket was lost", func() bool { return p.lost == v.at })
	return ""
}

// behind reports whether an earlier message still waits for its confirmation.
func (p *post) behind(number uint64) bool {
	earlier := p.letters[:number-p.gone-1]
	return slices.ContainsFunc(earlier, func(l letter) bool {
		return l.admitted && l.outcome == 0 && l.Guarantee == messages.AtLeastOnce
	})
}

// rejects reports whether the peer has closed over a message (RFC 6455, section
// 7.4.1).
func rejects(cause error) bool {
	var closed *messages.PeerCloseError
	return errors.As(cause, &closed) && slices.Contains([]int{1003, 1007, 1008, 1009}, closed.Code)
}

// innocent reports whether cause is no sign of a bad message: the peer does
// not answer, or the fleet's own code has failed.
func innocent(cause error) bool {
	var ours *messages.HandlerError
	return errors.As(cause, &ours) || silent(cause)
}

// silent reports whether cause is that the peer was not heard.
func silent(cause error) bool {
	return errors.Is(cause, messages.ErrHeartbeatTimeout) || errors.Is(cause, messages.ErrUnconfirmed)
}

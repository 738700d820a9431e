package drops

import "time"

const governing = 10 * time.Second // until a pool that failed everybody is known to live

// recovery bounds how long after the calm the script's connections may take to
// be back that are not parked: one is found silent, fails one more handshake
// that hangs, backs off as long as it may, and waits for its turn.
func (e Expect) recovery(s Script) time.Duration {
	turns := time.Duration(s.Connections) * e.spacing()
	away := max(e.BackoffCap, tryLaterFloor, s.longestRetryAfter())
	return e.Idle + e.Timeout + e.HandshakeTimeout + away + governing + turns + e.HandshakeTimeout
}

func (s Script) longestRetryAfter() (longest time.Duration) {
	for _, step := range s.Steps {
		if r, ok := step.What.(Refuse); ok {
			longest = max(longest, r.RetryAfter+time.Second) // the header has whole seconds
		}
	}
	return longest
}

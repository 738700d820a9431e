package messages

// Stats is what a manager holds, and has done since it was made.
//
// Each connection counts in one state. Admitted is never less than the sum of
// Outcomes, and what lies between the two waits in outboxes.
type Stats struct {
	Connections [states]int // by State, but for Closed, which are no longer held
	Closed      uint64      // connections that ended for good

	Opened  uint64 // openings, of whatever connection
	Dropped uint64 // ends of an open socket that nobody asked for: see [Transition.Dropped]

	Admitted      uint64
	Outcomes      [OutcomeUndelivered + 1]uint64 // by Outcome
	WrittenBytes  uint64                         // payload of data messages of which a byte may have left, repeats included
	Received      uint64                         // data messages
	ReceivedBytes uint64                         // their payload, decompressed

	RTT Durations // of the answered pings; 100 us to 1 min
}

// In returns how many connections are in the state; none is in Closed.
func (s Stats) In(state State) int {
	if int(state) >= len(s.Connections) {
		return 0
	}
	return s.Connections[state]
}

// Held returns how many connections there are, in whatever state.
func (s Stats) Held() (n int) {
	for _, each := range s.Connections {
		n += each
	}
	return n
}

// Add makes s the stats of both: of s's managers and o's.
func (s *Stats) Add(o Stats) {
	for i, n := range o.Connections {
		s.Connections[i] += n
	}
	for i, n := range o.Outcomes {
		s.Outcomes[i] += n
	}
	s.Closed += o.Closed
	s.Opened += o.Opened
	s.Dropped += o.Dropped
	s.Admitted += o.Admitted
	s.WrittenBytes += o.WrittenBytes
	s.Received += o.Received
	s.ReceivedBytes += o.ReceivedBytes
	s.RTT.Add(o.RTT)
}

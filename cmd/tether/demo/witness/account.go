package witness

import "encoding/binary"

// Report is what the server has counted, over all clients.
type Report struct {
	Unique     int // different messages
	Duplicates int // messages that had come before
	OutOfOrder int // messages that came first after one with a higher number
	Malformed  int // messages that are no number
	MaxLive    int // the most sockets that one client had at once
}

// Report waits for sockets that are still to be judged, 1 s after the last
// handshake at most, and returns what has been counted.
func (s *Server) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaitJudgements()
	report := Report{MaxLive: s.live}
	for _, c := range s.clients {
		report.Unique += len(c.seen)
		report.Duplicates += c.duplicates
		report.OutOfOrder += c.outOfOrder
		report.Malformed += c.malformed
	}
	return report
}

// Whole returns how many clients have a connection that was not struck: those
// that have not found out about their drop are not among them.
func (s *Server) Whole() (whole int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clients {
		if c.newest.whole() {
			whole++
		}
	}
	return whole
}

// account is what one client has sent. The zero value is empty.
type account struct {
	seen                              map[uint64]bool
	highest                           uint64
	duplicates, outOfOrder, malformed int
}

// take enters one message.
func (a *account) take(data []byte) {
	number, n := binary.Uvarint(data)
	switch {
	case n <= 0 || n != len(data):
		a.malformed++
	case a.seen[number]:
		a.duplicates++
	default:
		a.enter(number)
	}
}

func (a *account) enter(number uint64) {
	if a.seen == nil {
		a.seen = make(map[uint64]bool)
	}
	a.seen[number] = true
	if number < a.highest {
		a.outOfOrder++
	}
	a.highest = max(a.highest, number)
}

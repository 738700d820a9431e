package page

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/tetherws/tether/messages"
)

// order compares two connections as slices.SortFunc wants it. Where it says 0
// the IDs decide.
type order func(a, b *messages.Info) int

// orders are the table's, by the name of a column.
var orders = map[string]order{
	"":       byTrouble,
	"state":  byTrouble,
	"id":     func(a, b *messages.Info) int { return a.ID.Compare(b.ID) },
	"peer":   func(a, b *messages.Info) int { return strings.Compare(a.Peer, b.Peer) },
	"labels": func(a, b *messages.Info) int { return strings.Compare(labels(a), labels(b)) },
	"since":  newest,
	"rtt":    func(a, b *messages.Info) int { return cmp.Compare(b.RTT, a.RTT) },
	"queued": func(a, b *messages.Info) int { return cmp.Compare(b.Queued+b.Unconfirmed, a.Queued+a.Unconfirmed) },
	"in":     func(a, b *messages.Info) int { return cmp.Compare(b.Received, a.Received) },
	"out":    func(a, b *messages.Info) int { return cmp.Compare(b.Written+b.Confirmed, a.Written+a.Confirmed) },
}

// trouble ranks the states, those first that somebody may have to look at.
var trouble = [...]int{
	messages.Parked: 1, messages.Backoff: 2, messages.Detached: 3, messages.Connecting: 4, messages.Closing: 5,
	messages.Open: 6, messages.Closed: 7,
}

// byTrouble puts those first that are down, and of these the latest.
func byTrouble(a, b *messages.Info) int {
	return cmp.Or(cmp.Compare(trouble[a.State], trouble[b.State]), newest(a, b))
}

func newest(a, b *messages.Info) int { return b.Since.Compare(a.Since) }

func labels(info *messages.Info) string {
	var s strings.Builder
	for _, k := range slices.Sorted(maps.Keys(info.Labels)) {
		s.WriteString(k + "=" + info.Labels[k] + " ")
	}
	return s.String()
}

package gateway

import "sync/atomic"

// Counts is what a [Gateway] has done since it was made.
type Counts struct {
	Accepted uint64            // upgrades
	Refused  map[string]uint64 // requests to the endpoint that were refused, by reason: see Reasons
	Control  map[string]uint64 // answered requests to the control API, by class of status: 1xx to 5xx
}

// Reasons are the keys of Counts.Refused. They are:
//
//	path          not the endpoint's: 404
//	method        not a WebSocket handshake of version 13: 405 or 426
//	origin        from a foreign origin, or from none where one is required: 403
//	unauthorized  Authorize says no: 401
//	forbidden     Authorize says no, with another status
//	full          as many clients as may be are connected: 503
//	address_full  as many as may be from one address: 429
//	address_rate  more handshakes than one address may make: 429
//	draining      the gateway ends: 503
//	handshake     the upgrade failed, or the client left meanwhile
var Reasons = []string{
	"method", "origin", "unauthorized", "forbidden", "full", "address_full", "address_rate", "draining", "handshake", "path",
}

// reason is an index of Reasons.
type reason int

const (
	byMethod reason = iota
	byOrigin
	unauthorized
	forbidden
	full
	addressFull
	addressRate
	draining
	byHandshake
	byPath

	reasons = iota
)

// String returns the reason's name.
func (r reason) String() string { return Reasons[r] }

var classes = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

type tally struct {
	accepted atomic.Uint64
	refused  [reasons]atomic.Uint64
	control  [len(classes)]atomic.Uint64
}

// Counts returns the counts of the moment. Every key is there, also at zero.
func (g *Gateway) Counts() Counts {
	c := Counts{
		Accepted: g.tally.accepted.Load(),
		Refused:  make(map[string]uint64, reasons),
		Control:  make(map[string]uint64, len(classes)),
	}
	for i := range g.tally.refused {
		c.Refused[reason(i).String()] = g.tally.refused[i].Load()
	}
	for i, class := range classes {
		c.Control[class] = g.tally.control[i].Load()
	}
	return c
}

// countControl counts an answer of the control API by its status.
func (g *Gateway) countControl(status int) {
	if class := status/100 - 1; class >= 0 && class < len(classes) {
		g.tally.control[class].Add(1)
	}
}

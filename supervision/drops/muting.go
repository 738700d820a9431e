package drops

import "time"

// muting is what a fault at the server's end keeps the fleet from hearing.
type muting uint8

const (
	mutesNothing muting = iota
	mutesPongs          // nothing comes but what the server says of itself
	mutesAll
)

func mutingOf(h Happening) muting {
	switch h := h.(type) {
	case Silence:
		return mutesAll // who hears nothing has nothing to answer
	case Stall:
		return mutesAll
	case Pongs:
		if h.Late <= 0 {
			return mutesPongs
		}
	}
	return mutesNothing
}

// delays reports whether a fault at the server's end may keep a pong from the
// fleet for that long. One that is not of this package may.
func delays(h Happening, timeout time.Duration) bool {
	switch h := h.(type) {
	case Slow:
		return h.Bandwidth > 0 || h.Latency+h.Jitter >= timeout
	case Pongs:
		return h.Late <= 0 || h.Late >= timeout
	case Reset, FIN, Torn, CloseCode, Garbage, BadUTF8, Oversized, Unasked, Bytewise:
		return false
	}
	_, fault := h.(Fault)
	return fault
}

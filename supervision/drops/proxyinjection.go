package drops

import (
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

// Injection is a fault for connections of a [Proxy].
type Injection struct {
	Fault Fault
	// For is after which what lasts is healed; zero: it is not. But a
	// connection under Silence or Stall without such a time is reset after 15
	// minutes, about what a kernel takes to give up a peer: nobody would see
	// its peers go.
	For time.Duration
	// Side is where it happens; zero: BothSides for Reset, FIN and the zero
	// Silence, else ClientSide.
	Side Side
}

// Side is an end of a connection of a [Proxy], named after the peer that it
// faces. A fault at ClientSide is to the client as if its server did it. A
// fault at BothSides has struck if it struck one.
type Side uint8

const (
	DefaultSide Side = iota // the fault's own
	ClientSide
	ServerSide
	BothSides
)

var sideNames = [...]string{"", "client", "server", "both"}

func (s Side) String() string {
	if int(s) < len(sideNames) {
		return sideNames[s]
	}
	return fmt.Sprintf("side %d", uint8(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s Side) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads client, server, both, or nothing.
func (s *Side) UnmarshalText(text []byte) error {
	for i, name := range sideNames {
		if name == string(text) {
			*s = Side(i)
			return nil
		}
	}
	return fmt.Errorf("%w: side %q: want client, server or both", messages.ErrInvalid, text)
}

const longestSilence = 15 * time.Minute

// check returns an error that matches messages.ErrInvalid.
func (in Injection) check() error {
	switch {
	case in.Fault == nil:
		return fmt.Errorf("%w: no fault", messages.ErrInvalid)
	case in.For < 0:
		return fmt.Errorf("%w: a fault for %v", messages.ErrInvalid, in.For)
	case in.Side > BothSides:
		return fmt.Errorf("%w: %v", messages.ErrInvalid, in.Side)
	}
	return nil
}

func (in Injection) side() Side {
	if in.Side != DefaultSide {
		return in.Side
	}
	switch in.Fault {
	case Reset{}, FIN{}, Silence{}:
		return BothSides
	}
	return ClientSide
}

// limit is when what lasts is over, and whether that heals it.
func (in Injection) limit() (d time.Duration, heals bool) {
	switch in.Fault.(type) {
	case Silence, Stall:
		if in.For == 0 {
			return longestSilence, false
		}
	}
	return in.For, true
}

// strikesOnce reports whether the fault is over once it is injected. Torn,
// which does not last either, waits for a write.
func strikesOnce(f Fault) bool {
	switch f.(type) {
	case Reset, FIN, CloseCode, Garbage, BadUTF8, Oversized, Unasked:
		return true
	}
	return false
}

// endsConn reports whether a connection that f struck ends by that.
func endsConn(f Fault) bool {
	switch f.(type) {
	case Reset, FIN, CloseCode:
		return true
	}
	return false
}

// wordOf is the first word of a happening's name.
func wordOf(h Happening) string { return nameOf(h.String()) }

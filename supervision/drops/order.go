package drops

import "time"

// order is what the script wants to happen to the next handshake or dial, or
// to all until an instant. The zero order wants nothing.
type order[T any] struct {
	what  T
	given bool
	until time.Time // zero: the next one alone
}

func (o *order[T]) give(what T, d time.Duration) {
	*o = order[T]{what: what, given: true}
	if d > 0 {
		o.until = time.Now().Add(d)
	}
}

// take returns what is to happen now.
func (o *order[T]) take() (what T, given bool) {
	what, given = o.what, o.given && !passed(o.until)
	if !given || o.until.IsZero() {
		*o = order[T]{}
	}
	return what, given
}

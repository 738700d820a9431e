package supervision

import (
	"fmt"
	"time"

	"github.com/tetherws/tether/messages"
)

type number interface {
	int | float64 | time.Duration
}

// positive returns v, or fallback where v is zero or not acceptable.
func positive[N number](v, fallback N) N {
	if v > 0 {
		return v
	}
	return fallback
}

// notNegative returns an error that names the field, or nil.
func notNegative[N number](field string, v N) error {
	if v >= 0 { // so that NaN is refused
		return nil
	}
	return fmt.Errorf("%w: %s is %v, must not be negative", messages.ErrInvalid, field, v)
}

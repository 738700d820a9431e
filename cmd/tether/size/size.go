// Package size reads numbers of bytes as people write them: 64KiB, 16MiB, or
// plain bytes.
package size

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a number of bytes.
type Bytes int64

var units = []struct {
	suffix string
	bytes  int64
}{{"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// largest keeps twice a size an int, on any system.
const largest = math.MaxInt32 / 2

// UnmarshalText reads a whole number with the unit KiB or MiB, or
// without one, up to nearly 1 GiB.
func (b *Bytes) UnmarshalText(text []byte) error {
	for _, unit := range units {
		digits, ok := strings.CutSuffix(string(text), unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil || int64(n) > largest/unit.bytes {
			break
		}
		*b = Bytes(int64(n) * unit.bytes)
		return nil
	}
	return fmt.Errorf("%q is not a size below 1GiB: write it as 64KiB, 16MiB or plain bytes", text)
}

// String writes the size with the largest unit that divides it.
func (b Bytes) String() string {
	for _, unit := range units {
		if b != 0 && int64(b)%unit.bytes == 0 {
			return strconv.FormatInt(int64(b)/unit.bytes, 10) + unit.suffix
		}
	}
	return "0"
}

// MarshalText writes what UnmarshalText reads.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

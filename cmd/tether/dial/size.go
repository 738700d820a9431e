package dial

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes.
type Size int64

var units = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"", 1}}

// largest keeps twice a size an int, on any system.
const largest = math.MaxInt32 / 2

// UnmarshalText reads a whole number with the unit KiB or MiB, or
// without one, up to nearly 1 GiB.
func (s *Size) UnmarshalText(text []byte) error {
	for _, unit := range units {
		digits, ok := strings.CutSuffix(string(text), unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil || int64(n) > largest/unit.bytes {
			break
		}
		*s = Size(int64(n) * unit.bytes)
		return nil
	}
	return fmt.Errorf("%q is not a size below 1GiB: write it as 64KiB, 16MiB or plain bytes", text)
}

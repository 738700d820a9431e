package drops

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tetherws/tether/messages"
)

// ParseMix reads what [Mix.String] gives, and what people write: shares apart
// by commas, each a rate (6/h, 0.5/m or 1/s: so many per hour, minute or
// second), a happening as [Parse] reads it, and maybe for how long:
//
//	6/h reset, 2/h silence in for 40s, 0.1/m close 1001 reason="bye, all"
//
// Blank text is the empty mix. What [Mix.Validate] reports, it does too. The
// error is one line and matches messages.ErrInvalid.
func ParseMix(text string) (Mix, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	parts, err := split(text, func(r rune) bool { return r == ',' })
	if err != nil {
		return nil, err
	}
	m := make(Mix, 0, len(parts))
	for i, part := range parts {
		s, err := parseShare(part)
		if err != nil {
			return nil, fmt.Errorf("share %d of the mix: %w", i+1, err)
		}
		m = append(m, s)
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// String gives the mix in the words that [ParseMix] reads, with its rates per
// hour.
func (m Mix) String() string {
	shares := make([]string, 0, len(m))
	for _, s := range m {
		rate := strconv.FormatFloat(s.PerHour, 'g', -1, 64)
		shares = append(shares, fmt.Sprintf("%s/h %v%s", rate, s.What, lastsFor(s.For)))
	}
	return strings.Join(shares, ", ")
}

func parseShare(text string) (Share, error) {
	f, err := fields(text)
	if err != nil {
		return Share{}, err
	}
	if len(f) == 0 {
		return Share{}, fmt.Errorf("%w: it is empty; wanted: RATE HAPPENING [for DURATION]", messages.ErrInvalid)
	}
	rate, err := parseRate(f[0])
	if err != nil {
		return Share{}, err
	}
	what, d, err := parseLasting(f[1:])
	return Share{What: what, PerHour: rate, For: d}, err
}

func parseRate(text string) (perHour float64, err error) {
	number, unit, _ := strings.Cut(text, "/")
	times, known := map[string]float64{"h": 1, "m": 60, "s": 3600}[unit]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known {
		return 0, fmt.Errorf("%w: the rate %q is not one such as 6/h, 0.5/m or 1/s", messages.ErrInvalid, text)
	}
	return n * times, nil
}

// parseLasting reads a happening and maybe for how long it lasts.
func parseLasting(f []string) (what Happening, d time.Duration, err error) {
	if i := len(f) - 2; i > 0 && f[i] == "for" {
		if d, err = time.ParseDuration(f[i+1]); err != nil || d <= 0 {
			return nil, 0, fmt.Errorf("%w: what stands after for is a positive duration such as 30s, not %q", messages.ErrInvalid, f[i+1])
		}
		f = f[:i]
	}
	if what, err = parseFields(f); err != nil {
		return nil, 0, err
	}
	return what, d, checkFor(what, d)
}

func lastsFor(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return " for " + d.String()
}

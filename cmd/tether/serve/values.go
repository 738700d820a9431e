package serve

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Origin is who may connect from a browser: scheme://host[:port], null or *.
type Origin string

var webOrigin = regexp.MustCompile(`(?i)^[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$`)

// UnmarshalText takes an origin as browsers write it.
func (o *Origin) UnmarshalText(text []byte) error {
	*o = Origin(text)
	if *o == "*" || *o == "null" {
		return nil
	}
	if !webOrigin.Match(text) {
		return fmt.Errorf("%q is not an origin, such as https://app.example or *", text)
	}
	return nil
}

// CIDR is a range of addresses.
type CIDR struct{ netip.Prefix }

// UnmarshalText takes a range, or one address.
func (c *CIDR) UnmarshalText(text []byte) error {
	if ip, err := netip.ParseAddr(string(text)); err == nil && ip.Zone() == "" {
		ip = ip.Unmap()
		c.Prefix = netip.PrefixFrom(ip, ip.BitLen())
		return nil
	}
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil || prefix.Addr().Is4In6() {
		return fmt.Errorf("%q is not a range of addresses, such as 10.0.0.0/8", text)
	}
	c.Prefix = prefix.Masked()
	return nil
}

// Host is the name of a machine, without a port.
type Host string

// UnmarshalText takes a name or an address.
func (h *Host) UnmarshalText(text []byte) error {
	*h = Host(text)
	if _, err := netip.ParseAddr(string(text)); err == nil {
		return nil
	}
	if len(text) == 0 || strings.ContainsAny(string(text), ":/?#@[] \t*") {
		return fmt.Errorf("%q is not a host name without port, such as gateway.example", text)
	}
	return nil
}

// hidden stands for a secret wherever one would be shown.
const hidden = "(hidden)"

// Secret is text that is never shown.
type Secret string

// UnmarshalText takes what may stand in a header.
func (s *Secret) UnmarshalText(text []byte) error {
	for _, c := range text {
		if c <= ' ' || c > '~' {
			return errors.New("holds a space or a character that may not stand in a header")
		}
	}
	*s = Secret(text)
	return nil
}

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString hides the secret.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogFormat is how the log is written.
type LogFormat string

var logFormats = []LogFormat{"auto", "text", "json"}

// UnmarshalText takes one of the formats.
func (f *LogFormat) UnmarshalText(text []byte) error {
	*f = LogFormat(text)
	if !slices.Contains(logFormats, *f) {
		return fmt.Errorf("%q must be auto, text or json", text)
	}
	return nil
}

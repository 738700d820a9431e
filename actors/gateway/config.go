package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tetherws/tether/messages"
)

const (
	defaultPath        = "/ws"
	defaultConnections = 10_000
	defaultPerIP       = 256
	defaultRate        = 50
	defaultResume      = 30 * time.Second
	defaultMessage     = 1 << 20
)

func (c Config) validate(fleet Fleet) error {
	return errors.Join(
		check(fleet != nil, "fleet is nil"),
		check(c.Path == "" || isPath(c.Path), "Path is %q, must begin with / and have no query", c.Path),
		each("AllowOrigins", c.AllowOrigins, checkAllowed),
		notNegative("MaxConnections", c.MaxConnections),
		notNegative("MaxPerIP", c.MaxPerIP),
		check(c.RatePerIP >= 0 && !math.IsInf(c.RatePerIP, 1), "RatePerIP is %v, must be a number of at least 0", c.RatePerIP),
		each("TrustedProxies", c.TrustedProxies, checkProxy),
		notNegative("Heartbeat.Idle", c.Heartbeat.Idle),
		notNegative("Heartbeat.Timeout", c.Heartbeat.Timeout),
		check(isCredential(c.ControlToken), "ControlToken has bytes that no header carries"),
		each("ControlHosts", c.ControlHosts, checkHost),
		notNegative("MaxMessage", c.MaxMessage),
	)
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Path = cmp.Or(c.Path, defaultPath)
	c.MaxConnections = cmp.Or(c.MaxConnections, defaultConnections)
	c.MaxPerIP = cmp.Or(c.MaxPerIP, defaultPerIP)
	c.RatePerIP = cmp.Or(c.RatePerIP, defaultRate)
	c.Resume = cmp.Or(c.Resume, defaultResume)
	c.MaxMessage = cmp.Or(c.MaxMessage, defaultMessage)
	c.AllowOrigins = slices.Clone(c.AllowOrigins)
	c.TrustedProxies = slices.Clone(c.TrustedProxies)
	c.ControlHosts = slices.Clone(c.ControlHosts)
	c.Heartbeat = c.withSeed(c.Heartbeat)
	return c
}

func isPath(s string) bool { return strings.HasPrefix(s, "/") && !strings.ContainsAny(s, "?#") }

// isCredential reports whether s can be a bearer token; "" is none.
func isCredential(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

func checkAllowed(s string) error {
	if s == anyOrigin || s == nullOrigin {
		return nil
	}
	_, err := parseOrigin(s)
	return err
}

func checkProxy(p netip.Prefix) error {
	switch {
	case !p.IsValid():
		return errors.New("not an address prefix")
	case p.Addr().Is4In6():
		return fmt.Errorf("%v is of IPv4: write it so", p)
	}
	return nil
}

func checkHost(s string) error {
	if s == "" || strings.ContainsAny(s, "/ \t*@?#") {
		return fmt.Errorf("%q is not a host name", s)
	}
	return nil
}

// check is nil if ok, and otherwise says what is wrong.
func check(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: %w", messages.ErrInvalid, fmt.Errorf(format, args...))
}

func notNegative[T int | int64 | time.Duration](name string, v T) error {
	return check(v >= 0, "%s is negative: %v", name, v)
}

// each joins what is wrong with the elements of a list.
func each[T any](name string, all []T, wrong func(T) error) error {
	var errs []error
	for i, v := range all {
		if err := wrong(v); err != nil {
			errs = append(errs, check(false, "%s[%d]: %w", name, i, err))
		}
	}
	return errors.Join(errs...)
}

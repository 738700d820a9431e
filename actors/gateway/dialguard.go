package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
)

// dialGuard keeps targets that a caller names out of networks that only this
// machine reaches. An address is judged when it is connected to, at every
// attempt anew: a name may resolve to another one than a moment ago. What
// the target answers is not followed anywhere.
type dialGuard struct {
	private  bool          // may be reached
	resolver *net.Resolver // nil: the default
}

var errForbiddenTarget = errors.New("the target is private: loopback, link-local, or of no public network")

// checkURL refuses a URL that says by itself where it goes.
func (g dialGuard) checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || g.private {
		return err
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	addr, err := netip.ParseAddr(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && !public(addr) {
		return newProblem(kindTarget, errForbiddenTarget.Error())
	}
	return nil
}

// dialer returns what dials for a target. It takes no proxy, which would resolve
// the name by itself, unless every target is allowed.
func (g dialGuard) dialer(subprotocols []string) *websocket.Dialer {
	d := &websocket.Dialer{
		Subprotocols:    subprotocols,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if g.private {
		d.Proxy = http.ProxyFromEnvironment
		return d
	}
	d.NetDialContext = (&net.Dialer{Resolver: g.resolver, Control: judge}).DialContext
	return d
}

// judge is asked between the resolution of a name and each connect. Its refusal
// parks the connection: the name may come to mean something else.
func judge(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err == nil && public(ap.Addr()) {
		return nil
	}
	return messages.Permanent(fmt.Errorf("%w: %s", errForbiddenTarget, address))
}

// public reports whether addr belongs to the internet at large.
func public(addr netip.Addr) bool {
	addr = addr.WithZone("").Unmap()
	if slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return false
	}
	if embedded, ok := embeddedIPv4(addr); ok {
		return public(embedded)
	}
	return addr.Is4() || addr.Is6() && global.Contains(addr)
}

// global is what IPv6 has assigned for the internet, beside NAT64's prefix.
var global = netip.MustParsePrefix("2000::/3")

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")
)

// embeddedIPv4 is the address that a translator or a relay on the way makes of
// addr (RFC 6052, RFC 3056).
func embeddedIPv4(addr netip.Addr) (netip.Addr, bool) {
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:])), true
	}
	return addr, false
}

// special are the networks that IANA's registries of special-purpose addresses
// do not call globally reachable, and multicast.
var special = func() (all []netip.Prefix) {
	for _, s := range []string{
		"0.0.0.0/8",       // this network
		"10.0.0.0/8",      // private
		"100.64.0.0/10",   // shared with a carrier's NAT
		"127.0.0.0/8",     // loopback
		"169.254.0.0/16",  // link-local, clouds' metadata
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // 6to4 relays, deprecated
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarks
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast
		"240.0.0.0/4",     // reserved, broadcast
		"2001::/23",       // protocol assignments, Teredo
		"2001:db8::/32",   // documentation
		"3fff::/20",       // documentation
	} {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}()

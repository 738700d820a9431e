package gateway

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ClientAddress returns the address of the client behind trusted proxies:
// that of the TCP peer, or, where the peer is trusted, the last entry of
// X-Forwarded-For, and so on from right to left for as long as the address
// is that of a trusted proxy. So a client cannot choose its address by
// sending the header itself. An entry may have a port. An entry that has to be
// read and is no address leaves it at the peer's. IPv4 is never in its
// IPv6-mapped form, and zones are cut off.
//
// It is the zero Addr where the peer has no IP address, as on a Unix socket.
func ClientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer := parseHop(r.RemoteAddr)
	client := peer
	header := r.Header.Values("X-Forwarded-For")
	rest, more := strings.Join(header, ","), len(header) > 0
	for more && contains(trusted, client) {
		last := strings.LastIndexByte(rest, ',')
		client = parseHop(rest[last+1:])
		if !client.IsValid() {
			return peer
		}
		rest, more = rest[:max(last, 0)], last >= 0
	}
	return client
}

// parseHop returns the address in s, which may have a port; the zero Addr if
// there is none.
func parseHop(s string) netip.Addr {
	s = strings.Trim(s, " \t")
	a, err := netip.ParseAddr(s)
	if err != nil {
		with, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}
		}
		a = with.Addr()
	}
	return a.Unmap().WithZone("")
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

const subscriber = 64 // bits of an IPv6 address: what one subscriber has is a /64

// household is the address that stands for all that one client may have.
func household(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	p, _ := a.Prefix(subscriber) // of an IPv6 address, never an error
	return p.Addr()
}

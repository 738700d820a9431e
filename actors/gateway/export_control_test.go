package gateway

import (
	"net"
	"net/netip"

	"github.com/gorilla/websocket"
)

// Routes are the operations of the control API, as METHOD PATTERN, with their
// query parameters.
func Routes() map[string][]string {
	all := make(map[string][]string)
	for _, rt := range routes {
		all[rt.method+" "+rt.pattern] = rt.query
	}
	return all
}

// Public reports whether POST /v1/dial may reach the address.
func Public(a netip.Addr) bool { return public(a) }

// GuardedDialer is what POST /v1/dial dials with, but for who resolves names.
func GuardedDialer(r *net.Resolver) *websocket.Dialer { return dialGuard{resolver: r}.dialer(nil) }

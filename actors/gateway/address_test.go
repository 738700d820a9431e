package gateway_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/tetherws/tether/actors/gateway"
)

func TestTheClientsAddressBehindProxies(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, test := range []struct {
		peer   string
		header []string
		want   string
	}{
		{"203.0.113.9:1", nil, "203.0.113.9"},
		{"203.0.113.9:1", []string{"198.51.100.1"}, "203.0.113.9"}, // no proxy: it says what it likes
		{"[::ffff:203.0.113.9]:1", nil, "203.0.113.9"},
		{"[fe80::1%eth0]:1", nil, "fe80::1"},
		{"@", nil, ""},
		{"", []string{"198.51.100.1"}, ""},
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"[::ffff:10.0.0.1]:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		{"[fd00::1]:1", []string{"2001:db8::1"}, "2001:db8::1"},
		{"10.0.0.1:1", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"}, // what is left of it is the client's own
		{"10.0.0.1:1", []string{"1.1.1.1, 198.51.100.1 ,\t10.0.0.2"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"1.1.1.1", "198.51.100.1", "10.0.0.2, 10.0.0.3"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"10.0.0.3,10.0.0.2"}, "10.0.0.3"},
		{"10.0.0.1:1", []string{"garbage, 198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"198.51.100.1, garbage"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"garbage, 10.0.0.2"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1,"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"unknown"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1:99999"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"010.0.0.1"}, "10.0.0.1"},
	} {
		r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": test.header}}
		got := gateway.ClientAddress(r, trusted)
		if got != (netip.Addr{}) && got.String() != test.want || got == (netip.Addr{}) && test.want != "" {
			t.Errorf("peer %q with %q: %v, want %s", test.peer, test.header, got, test.want)
		}
	}
}

// FuzzClientAddress writes a true tail behind any header, as proxies do: what
// the client wrote before must not matter.
func FuzzClientAddress(f *testing.F) {
	for _, s := range []string{"", "1.1.1.1", "garbage", "10.0.0.9", ",,,", "[::1]:80", "1.1.1.1,", "%", "\x00", "fe80::1%a,b", "::ffff:10.0.0.1"} {
		f.Add(s, "10.0.0.1:1")
		f.Add(s, s)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, written, peer string) {
		ask := func(peer, header string) netip.Addr {
			return gateway.ClientAddress(&http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {header}}}, trusted)
		}
		for _, tail := range []string{"198.51.100.1", "198.51.100.1, 10.0.0.2", "198.51.100.1:5,10.1.2.3:6"} {
			if got := ask("10.0.0.1:1", written+","+tail); got.String() != "198.51.100.1" {
				t.Errorf("%q before %q: %v", written, tail, got)
			}
		}
		alone, got := ask(peer, ""), ask(peer, written)
		switch {
		case got.Is4In6() || got.Zone() != "":
			t.Errorf("%v is not plain", got)
		case !trusted[0].Contains(alone) && got != alone:
			t.Errorf("the stranger %q chose %v", peer, got)
		case got != alone && !strings.ContainsAny(written, ".:"):
			t.Errorf("%q is read as %v", written, got)
		}
	})
}

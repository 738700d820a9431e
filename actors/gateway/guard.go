package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/websocket"
)

// Guard lets a request through to h if it may use the control API: with a Host
// that is the control's own, from no foreign Origin, and with the bearer
// token if there is one. Others get 403 or 401.
//
// A Host is the control's own if it is localhost, a loopback address, the
// address that the connection came in by, or one of ControlHosts, with any
// port. The token stands in Authorization; a browser, which can't set that for
// a WebSocket, may offer it as a subprotocol beside the one that it wants to be
// answered with: as bearer.TOKEN, or, since subprotocols don't take every character,
// with the token in unpadded base64url.
func (g *Gateway) Guard(h http.Handler) http.Handler {
	want := sha256.Sum256([]byte(g.config.ControlToken))
	return g.guard(sameSite, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.config.ControlToken != "" && !authorized(r, want) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="tether"`)
			newProblem(kindUnauthorized, "a bearer token is needed").write(w)
			return
		}
		h.ServeHTTP(w, r)
	}))
}

// GuardPage is Guard without the token: for what holds no secret and must be
// there before a person can be asked for the token, such as the status page.
// It may be come to by a link from elsewhere.
func (g *Gateway) GuardPage(h http.Handler) http.Handler {
	return g.guard(func(r *http.Request) bool { return sameSite(r) || navigates(r) }, h)
}

// guard keeps web pages of others out: those that rebind their own name to
// our address by the Host, the rest by what browsers say of the page.
func (g *Gateway) guard(welcome func(*http.Request) bool, h http.Handler) http.Handler {
	names := make([]string, 0, len(g.config.ControlHosts))
	for _, name := range g.config.ControlHosts {
		names = append(names, strings.ToLower(hostname(name)))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !ownHost(r, names):
			newProblem(kindHost, "this host is not the control API's: use its address, localhost, or a name that it was told").write(w)
		case !ownOrigin(r) || !welcome(r):
			newProblem(kindOrigin, "web pages of other origins may not use the control API").write(w)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

func ownHost(r *http.Request, names []string) bool {
	host := strings.ToLower(hostname(r.Host))
	if host == "localhost" || host != "" && slices.Contains(names, host) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && (addr.Unmap().IsLoopback() || addr.Unmap() == localAddr(r))
}

// localAddr is the address that r's connection came in by. A page can't have
// it in its Host but by being served from it.
func localAddr(r *http.Request) netip.Addr {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return netip.Addr{}
	}
	ap, _ := netip.ParseAddrPort(local.String())
	return ap.Addr().Unmap()
}

// hostname is a Host without its port.
func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
}

// ownOrigin reports whether r comes from no page, or from one of this host.
// The scheme is not compared: whoever ends TLS before us changes it.
func ownOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	return err == nil && len(origins) == 1 && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// sameSite reports whether r is none that a foreign page has a browser make: of
// an image, say, which has no Origin. To a browser another port is the same
// site, but not the same origin.
func sameSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return false
}

// navigates reports whether r opens a page in a window of its own.
func navigates(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// authorized compares hashes, so that not even the token's length shows in the
// time it takes.
func authorized(r *http.Request, want [sha256.Size]byte) bool {
	for _, token := range bearers(r) {
		if got := sha256.Sum256([]byte(token)); subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			return true
		}
	}
	return false
}

// bearers are the tokens that r presents.
func bearers(r *http.Request) (tokens []string) {
	if all := r.Header.Values("Authorization"); len(all) == 1 {
		scheme, token, _ := strings.Cut(all[0], " ")
		if strings.EqualFold(scheme, "Bearer") {
			tokens = append(tokens, strings.TrimSpace(token))
		}
	}
	if !websocket.IsWebSocketUpgrade(r) {
		return tokens
	}
	for _, offered := range websocket.Subprotocols(r) {
		token, ok := strings.CutPrefix(offered, "bearer.")
		if !ok {
			continue
		}
		tokens = append(tokens, token)
		if decoded, err := base64.RawURLEncoding.DecodeString(token); err == nil {
			tokens = append(tokens, string(decoded))
		}
	}
	return tokens
}

package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

const (
	anyOrigin  = "*"
	nullOrigin = "null"
)

// origins are those from which browsers may connect.
type origins struct {
	required bool
	all      bool
	listed   map[string]bool // as parseOrigin returns them, and null
}

// newOrigins takes a valid list.
func newOrigins(allowed []string, required bool) origins {
	o := origins{required: required, listed: make(map[string]bool, len(allowed))}
	for _, s := range allowed {
		switch canonical, err := parseOrigin(s); {
		case s == anyOrigin:
			o.all = true
		case err == nil:
			o.listed[canonical] = true
		default:
			o.listed[s] = true
		}
	}
	return o
}

// allow reports whether the request may connect: without an Origin, from one
// that is listed, or from the endpoint's own. Its own is one with the host and port
// that the request was sent to, whatever the scheme, which a proxy may have
// changed.
func (o origins) allow(r *http.Request) bool {
	sent := r.Header.Values("Origin")
	switch {
	case len(sent) == 0:
		return !o.required
	case len(sent) > 1:
		return false
	case o.all || sent[0] == nullOrigin && o.listed[nullOrigin]:
		return true
	}
	canonical, err := parseOrigin(sent[0])
	if err != nil {
		return false
	}
	_, host, _ := strings.Cut(sent[0], "://")
	return o.listed[canonical] || strings.EqualFold(host, r.Host)
}

var standardPorts = map[string]string{"http": ":80", "https": ":443", "ws": ":80", "wss": ":443"}

var errOrigin = errors.New("not an origin: it must be scheme://host or scheme://host:port, in ASCII")

// parseOrigin returns the origin in lower case and without its scheme's
// standard port.
func parseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || !isHost(u) || s[len(u.Scheme):] != "://"+u.Host {
		return "", errOrigin
	}
	return strings.ToLower(u.Scheme + "://" + strings.TrimSuffix(u.Host, standardPorts[u.Scheme])), nil
}

// isHost reports whether u has a host as browsers put it into origins.
func isHost(u *url.URL) bool {
	name := u.Hostname()
	if name == "" || strings.HasSuffix(u.Host, ":") || strings.Contains(name, ":") && u.Host[0] != '[' {
		return false
	}
	return !strings.ContainsFunc(u.Host, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune("*%@\\\"<>^{|}`", r)
	})
}

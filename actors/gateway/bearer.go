package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/websocket"
)

const (
	bearer       = "bearer"
	bearerPrefix = bearer + "."
	mostToken    = 8 << 10 // bytes; longer ones are not looked into
)

// findToken returns the request's token, from the first of these places that
// has one, and, if it came as a subprotocol,
// those that may be agreed to in its place.
func findToken(r *http.Request) (token string, subprotocols []string, err error) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, bearer) { // another may be for a proxy before us
		token = strings.Trim(rest, " ")
	} else if token, subprotocols, err = offeredToken(r); err != nil {
		return "", nil, err
	} else if token == "" {
		token = r.URL.Query().Get("access_token")
	}
	switch {
	case token == "":
		return "", nil, errNoToken
	case len(token) > mostToken:
		return "", nil, errBadToken
	}
	return token, subprotocols, nil
}

// offeredToken returns the token among the subprotocols, if there is one.
func offeredToken(r *http.Request) (token string, subprotocols []string, err error) {
	others := slices.DeleteFunc(websocket.Subprotocols(r), func(s string) bool {
		secret, ok := strings.CutPrefix(s, bearerPrefix)
		if ok && token == "" {
			token = secret
		}
		return ok
	})
	switch {
	case token == "":
		return "", nil, nil
	case len(others) == 0:
		return "", nil, errOnlyToken
	case slices.Contains(others, bearer):
		subprotocols = []string{bearer}
	}
	return token, subprotocols, nil
}

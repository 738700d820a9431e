package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/tetherws/tether/actors"
)

// JWT authorizes clients by a JSON Web Token (RFC 7519): its Authorize is for
// [Config]. Make one with [NewJWT]; the zero value refuses everybody. Its
// methods may be called from any goroutine, and its fields be set before that.
//
// The signature must be that of one of the keys, with the key's algorithm:
// HS256, RS256 or EdDSA. exp, if it is there, must not have passed, and ends the
// connection when it does; nbf may be up to 5 s ahead, for clocks that
// differ; iat does not matter.
//
// The token is looked for in the header Authorization, as Bearer; then among
// the subprotocols, since a page in a browser can set nothing else:
//
//	new WebSocket(url, ["tether.v1", "bearer." + token]) // a client that speaks tether.v1
//	new WebSocket(url, ["bearer", "bearer." + token])    // any other
//
// The answer agrees to the one without the token, which is never repeated. A
// browser ends a connection that agreed to none, so a token alone is refused
// with 400. At last it is looked for in the query, as access_token: mind that
// URLs are written into logs, by proxies above all. The first of these places
// that has one counts.
type JWT struct {
	Audience string // must be among the token's aud; "": any
	Issuer   string // must be the token's iss; "": any

	keys atomic.Pointer[Keys]
}

// NewJWT returns a JWT with the keys that [ParseKeys] reads.
func NewJWT(key []byte) (*JWT, error) {
	keys, err := ParseKeys(key)
	if err != nil {
		return nil, err
	}
	j := &JWT{}
	j.Replace(keys)
	return j, nil
}

// Replace sets the keys for tokens from now on. Connections stay.
func (j *JWT) Replace(keys Keys) { j.keys.Store(&keys) }

// skew is how far the clock of who issues tokens may be ahead.
const skew = 5 * time.Second

var (
	errNoToken   = &Refusal{Status: http.StatusUnauthorized, Reason: "a token is required"}
	errBadToken  = &Refusal{Status: http.StatusUnauthorized, Reason: "the token is not valid"}
	errExpired   = &Refusal{Status: http.StatusUnauthorized, Reason: "the token has expired"}
	errOnlyToken = &Refusal{Status: http.StatusBadRequest, Reason: `offer the subprotocol "bearer" beside that with the token`}
)

// Authorize verifies the request's token. The token's subject is the Client's
// Owner, and its label sub; where there is none, a client that returns is known by
// its resume token alone. An error is or wraps a *[Refusal]; it repeats
// nothing of the token that is secret.
func (j *JWT) Authorize(r *http.Request) (Grant, error) {
	token, subprotocols, err := findToken(r)
	if err != nil {
		return Grant{}, err
	}
	claims, err := j.verify(token)
	if err != nil {
		return Grant{}, err
	}
	g := Grant{Client: actors.Client{Owner: claims.Subject, Subprotocols: subprotocols}}
	if claims.Subject != "" {
		g.Client.Labels = map[string]string{"sub": claims.Subject}
	}
	if claims.ExpiresAt != nil {
		g.Expires = claims.ExpiresAt.Time
	}
	return g, nil
}

func (j *JWT) verify(token string) (*jwt.RegisteredClaims, error) {
	keys := j.keys.Load()
	if keys == nil {
		keys = &Keys{}
	}
	claims := &jwt.RegisteredClaims{}
	_, err := j.parser(keys).ParseWithClaims(token, claims, keys.of)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, errExpired
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errBadToken, err)
	case claims.ExpiresAt != nil && !claims.ExpiresAt.After(time.Now()): // skew is for nbf alone
		return nil, errExpired
	}
	return claims, nil
}

func (j *JWT) parser(keys *Keys) *jwt.Parser {
	options := []jwt.ParserOption{
		jwt.WithValidMethods(keys.algorithms()), jwt.WithLeeway(skew), jwt.WithStrictDecoding(),
	}
	if j.Audience != "" {
		options = append(options, jwt.WithAudience(j.Audience))
	}
	if j.Issuer != "" {
		options = append(options, jwt.WithIssuer(j.Issuer))
	}
	return jwt.NewParser(options...)
}

var errCritical = errors.New("the token has extensions that must be understood")

// of returns the keys for the token's algorithm, and so none for one that it
// was not made for.
func (k Keys) of(t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok { // RFC 7515, section 4.1.11: none is understood here
		return nil, errCritical
	}
	return jwt.VerificationKeySet{Keys: k.byAlgorithm[t.Method.Alg()]}, nil
}

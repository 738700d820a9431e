package gateway_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors/gateway"
	"github.com/tetherws/tether/messages"
)

// admissionKeys are pairs of keys; making them is slow.
var admissionKeys = sync.OnceValue(func() (k struct {
	rsa, otherRSA *rsa.PrivateKey
	ed            ed25519.PrivateKey
}) {
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.otherRSA, _ = rsa.GenerateKey(rand.Reader, 2048)
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	return k
})

var admissionSecret = []byte("a secret of more than thirty-two bytes")

func admissionPEM(t *testing.T, public crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func admissionToken(t *testing.T, m jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	s, err := jwt.NewWithClaims(m, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func admissionJWT(t *testing.T, key []byte) *gateway.JWT {
	t.Helper()
	j, err := gateway.NewJWT(key)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func admissionBearer(token string) *http.Request {
	return admissionRequest("192.0.2.1:1000", "Authorization", "Bearer "+token)
}

// status is that of the refusal; 0 if err is nil.
func admissionStatus(t *testing.T, err error) int {
	t.Helper()
	var refusal *gateway.Refusal
	if err != nil && !errors.As(err, &refusal) {
		t.Fatalf("%v is no Refusal", err)
	}
	if err == nil {
		return 0
	}
	return refusal.Status
}

func TestATokenOfEachAlgorithmIsVerifiedByItsOwnKeyAlone(t *testing.T) {
	k := admissionKeys()
	keys := map[string][]byte{
		"HS256": admissionSecret, "RS256": admissionPEM(t, k.rsa.Public()), "EdDSA": admissionPEM(t, k.ed.Public()),
	}
	claims := jwt.MapClaims{"sub": "ada", "exp": time.Now().Add(time.Hour).Unix()}
	tokens := map[string]string{
		"HS256": admissionToken(t, jwt.SigningMethodHS256, admissionSecret, claims),
		"RS256": admissionToken(t, jwt.SigningMethodRS256, k.rsa, claims),
		"EdDSA": admissionToken(t, jwt.SigningMethodEdDSA, k.ed, claims),
		// None of these is ever right.
		"none":                       admissionToken(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims),
		"HS384":                      admissionToken(t, jwt.SigningMethodHS384, admissionSecret, claims),
		"HS512":                      admissionToken(t, jwt.SigningMethodHS512, admissionSecret, claims),
		"RS512":                      admissionToken(t, jwt.SigningMethodRS512, k.rsa, claims),
		"PS256":                      admissionToken(t, jwt.SigningMethodPS256, k.rsa, claims),
		"HS256 with the RSA PEM":     admissionToken(t, jwt.SigningMethodHS256, admissionPEM(t, k.rsa.Public()), claims),
		"HS256 with the Ed25519 PEM": admissionToken(t, jwt.SigningMethodHS256, admissionPEM(t, k.ed.Public()), claims),
		"HS256 with the Ed25519 key": admissionToken(t, jwt.SigningMethodHS256, []byte(k.ed.Public().(ed25519.PublicKey)), claims),
		"HS256 without a secret":     admissionToken(t, jwt.SigningMethodHS256, []byte{}, claims),
		"RS256 of a stranger":        admissionToken(t, jwt.SigningMethodRS256, k.otherRSA, claims),
	}
	for with, key := range keys {
		j := admissionJWT(t, key)
		for name, token := range tokens {
			grant, err := j.Authorize(admissionBearer(token))
			switch status := admissionStatus(t, err); {
			case name == with && (err != nil || grant.Client.Owner != "ada"):
				t.Errorf("%s with its key: %+v, %v", name, grant, err)
			case name != with && status != http.StatusUnauthorized:
				t.Errorf("%s with the key of %s: %v", name, with, err)
			}
		}
	}
}

func TestTheClaimsOfATokenCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		j := admissionJWT(t, admissionSecret)
		j.Audience, j.Issuer = "gate", "issuer"
		good := jwt.MapClaims{"sub": "ada", "aud": "gate", "iss": "issuer", "exp": now + 60}
		for name, test := range map[string]struct {
			claim string
			value any
			want  int
		}{
			"as it should be":        {"jti", "1", 0},
			"several audiences":      {"aud", []string{"other", "gate"}, 0},
			"another audience":       {"aud", "other", 401},
			"another issuer":         {"iss", "other", 401},
			"expires within 1 s":     {"exp", now + 1, 0},
			"expires now":            {"exp", now, 401},
			"expired 1 s ago":        {"exp", now - 1, 401},
			"expired long ago":       {"exp", now - 3600, 401},
			"not yet, but within 5s": {"nbf", now + 5, 0},
			"not before 6 s":         {"nbf", now + 6, 401},
			"issued in the future":   {"iat", now + 3600, 0},
			"exp is a text":          {"exp", "tomorrow", 401},
			"exp is huge":            {"exp", 1e300, 401},
			"exp is far":             {"exp", 1e11, 0},
			"sub is a number":        {"sub", 1, 401},
			"aud is a number":        {"aud", 1, 401},
		} {
			claims := maps.Clone(good)
			claims[test.claim] = test.value
			_, err := j.Authorize(admissionBearer(admissionToken(t, jwt.SigningMethodHS256, admissionSecret, claims)))
			if got := admissionStatus(t, err); got != test.want {
				t.Errorf("%s: %v, want %d", name, err, test.want)
			}
		}
		for _, claim := range []string{"aud", "iss"} {
			claims := maps.Clone(good)
			delete(claims, claim)
			_, err := j.Authorize(admissionBearer(admissionToken(t, jwt.SigningMethodHS256, admissionSecret, claims)))
			if admissionStatus(t, err) != http.StatusUnauthorized {
				t.Errorf("without %s: %v", claim, err)
			}
		}
	})
}

func TestTheGrantOfAToken(t *testing.T) {
	j := admissionJWT(t, admissionSecret)
	exp := time.Now().Add(time.Hour).Truncate(time.Second)
	grant, err := j.Authorize(admissionBearer(admissionToken(t, jwt.SigningMethodHS256, admissionSecret, jwt.MapClaims{"sub": "ada", "exp": exp.Unix()})))
	if c := grant.Client; err != nil || c.Owner != "ada" || c.Labels["sub"] != "ada" || len(c.Labels) != 1 || !grant.Expires.Equal(exp) {
		t.Errorf("%+v, %v", grant, err)
	}
	grant, err = j.Authorize(admissionBearer(admissionToken(t, jwt.SigningMethodHS256, admissionSecret, jwt.MapClaims{})))
	if c := grant.Client; err != nil || c.Owner != "" || c.Labels != nil || !grant.Expires.IsZero() {
		t.Errorf("without claims: %+v, %v", grant, err)
	}
}

func TestWhereATokenIsLookedFor(t *testing.T) {
	j := admissionJWT(t, admissionSecret)
	good := admissionToken(t, jwt.SigningMethodHS256, admissionSecret, jwt.MapClaims{})
	const protocol = "Sec-WebSocket-Protocol"
	for name, test := range map[string]struct {
		header []string
		query  string
		status int
		agreed string
	}{
		"nowhere":                      {nil, "", 401, ""},
		"header":                       {[]string{"Authorization", "Bearer " + good}, "", 0, ""},
		"header, scheme in lower case": {[]string{"Authorization", "bearer " + good}, "", 0, ""},
		"header of another scheme":     {[]string{"Authorization", "Basic " + good}, "", 401, ""},
		"query beside another scheme":  {[]string{"Authorization", "Basic eDp5"}, "access_token=" + good, 0, ""},
		"header without a token":       {[]string{"Authorization", "Bearer"}, "", 401, ""},
		"header with more":             {[]string{"Authorization", "Bearer " + good + " x"}, "", 401, ""},
		"bad header, good query":       {[]string{"Authorization", "Bearer x"}, "access_token=" + good, 401, ""},
		"subprotocol with bearer":      {[]string{protocol, "bearer, bearer." + good}, "", 0, "bearer"},
		"subprotocol with another":     {[]string{protocol, "chat, bearer." + good}, "", 0, ""},
		"subprotocol alone":            {[]string{protocol, "bearer." + good}, "", 400, ""},
		"two of them alone":            {[]string{protocol, "bearer." + good + ", bearer." + good}, "", 400, ""},
		"empty subprotocol":            {[]string{protocol, "chat, bearer."}, "", 401, ""},
		"bad subprotocol, good query":  {[]string{protocol, "chat, bearer.x"}, "access_token=" + good, 401, ""},
		"query":                        {nil, "access_token=" + good, 0, ""},
		"query with bearer offered":    {[]string{protocol, "bearer"}, "access_token=" + good, 0, ""},
		"bad query":                    {nil, "access_token=%zz", 401, ""},
	} {
		r := admissionRequest("192.0.2.1:1000", test.header...)
		r.URL.RawQuery = test.query
		grant, err := j.Authorize(r)
		if status := admissionStatus(t, err); status != test.status || strings.Join(grant.Client.Subprotocols, ",") != test.agreed {
			t.Errorf("%s: %v, %q", name, err, grant.Client.Subprotocols)
		}
	}
}

func TestATokenIsNeverRepeated(t *testing.T) {
	j := admissionJWT(t, admissionSecret)
	admissionBubble(t, gateway.Config{Authorize: j.Authorize}, func(t *testing.T, w *admissionWorld) {
		good := admissionToken(t, jwt.SigningMethodHS256, admissionSecret, jwt.MapClaims{"exp": time.Now().Add(time.Hour).Unix()})
		for offer, want := range map[string]int{
			"bearer, bearer." + good: 101, "chat, bearer." + good: 101, "bearer." + good: 400, "bearer, bearer.x" + good: 401,
		} {
			d := websocket.Dialer{NetDialContext: w.net.DialContext, Subprotocols: strings.Split(offer, ", ")}
			ws, resp, _ := d.DialContext(t.Context(), "ws://gate/ws", nil)
			if resp == nil || resp.StatusCode != want {
				t.Fatalf("%q answered with %v", offer, resp)
			}
			body := make([]byte, 1<<10)
			n, _ := resp.Body.Read(body)
			if answer := fmt.Sprint(resp.Header) + string(body[:n]); strings.Contains(answer, good) {
				t.Errorf("%q is answered with %s", offer, answer)
			}
			if ws != nil {
				if agreed, asked := ws.Subprotocol(), strings.HasPrefix(offer, "bearer,"); asked != (agreed == "bearer") {
					t.Errorf("%q agreed to %q", offer, agreed)
				}
				ws.Close()
			}
		}
	})
}

func TestATokensExpiryEndsTheConnection(t *testing.T) {
	j := admissionJWT(t, admissionSecret)
	admissionBubble(t, gateway.Config{Authorize: j.Authorize}, func(t *testing.T, w *admissionWorld) {
		token := admissionToken(t, jwt.SigningMethodHS256, admissionSecret, jwt.MapClaims{"exp": time.Now().Add(time.Minute).Unix()})
		if end, want := admissionEnd(w.connect("Authorization", "Bearer "+token)), (told{4401, "token expired", time.Minute}); end != want {
			t.Errorf("told %+v, want %+v", end, want)
		}
		resp := w.refused(http.StatusUnauthorized, "unauthorized", "Authorization", "Bearer "+token)
		if resp.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("header %v", resp.header)
		}
	})
}

func TestGarbageForATokenIsRefused(t *testing.T) {
	k := admissionKeys()
	j := admissionJWT(t, admissionPEM(t, k.rsa.Public()))
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	good := admissionToken(t, jwt.SigningMethodRS256, k.rsa, jwt.MapClaims{})
	critical := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{})
	critical.Header["crit"] = []string{"b64"}
	signed, err := critical.SignedString(k.rsa)
	if err != nil {
		t.Fatal(err)
	}
	long := admissionToken(t, jwt.SigningMethodRS256, k.rsa, jwt.MapClaims{"padding": strings.Repeat("x", 8<<10)})
	for _, token := range []string{
		long, "x", "..", "a.b.c", "a.b.c.d.e", strings.Repeat(".", 1000), good + ".", good[:len(good)-1], good + "=", "\x00", strings.Repeat("A", 1<<16),
		part("{}") + "." + part("{}") + ".", part(`{"alg":"RS256"}`) + "." + part("{}") + ".", part(`{"alg":["RS256"]}`) + "." + part("{}") + ".x",
		part("null") + "." + part("null") + ".", part(`{"alg":"none"}`) + "." + part("{}") + ".", part(`{"alg":"RS256"}`) + "." + part("[") + ".", signed,
	} {
		if _, err := j.Authorize(admissionBearer(token)); admissionStatus(t, err) != http.StatusUnauthorized {
			t.Errorf("%.40q: %v", token, err)
		}
	}
	if _, err := j.Authorize(admissionBearer(good)); err != nil {
		t.Errorf("the good one: %v", err)
	}
	if _, err := (&gateway.JWT{}).Authorize(admissionBearer(good)); admissionStatus(t, err) != http.StatusUnauthorized {
		t.Errorf("without keys: %v", err)
	}
}

func TestKeysCanBeReplacedWhileTokensAreVerified(t *testing.T) {
	k := admissionKeys()
	j := admissionJWT(t, admissionSecret)
	old := admissionToken(t, jwt.SigningMethodHS256, admissionSecret, jwt.MapClaims{})
	fresh := admissionToken(t, jwt.SigningMethodEdDSA, k.ed, jwt.MapClaims{})
	both, err := gateway.ParseKeys(admissionJoin(admissionPEM(t, k.rsa.Public()), admissionPEM(t, k.otherRSA.Public()), admissionPEM(t, k.ed.Public())))
	if err != nil {
		t.Fatal(err)
	}
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for range 100 {
				_, errOld := j.Authorize(admissionBearer(old))
				_, errNew := j.Authorize(admissionBearer(fresh))
				if errOld == nil && errNew == nil { // the old one was asked first
					return
				}
			}
		})
	}
	j.Replace(both)
	asking.Wait()
	if _, err := j.Authorize(admissionBearer(old)); admissionStatus(t, err) != http.StatusUnauthorized {
		t.Errorf("the old token: %v", err)
	}
	for _, token := range []string{fresh, admissionToken(t, jwt.SigningMethodRS256, k.rsa, jwt.MapClaims{}), admissionToken(t, jwt.SigningMethodRS256, k.otherRSA, jwt.MapClaims{})} {
		if _, err := j.Authorize(admissionBearer(token)); err != nil {
			t.Errorf("a new token: %v", err)
		}
	}
}

func admissionJoin(all ...[]byte) []byte { return bytes.Join(all, nil) }

func TestKeysThatAreRefused(t *testing.T) {
	k := admissionKeys()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2046), E: 65537} // of 2047 bits
	private, err := x509.MarshalPKCS8PrivateKey(k.ed)
	if err != nil {
		t.Fatal(err)
	}
	one := admissionPEM(t, k.ed.Public())
	for name, key := range map[string][]byte{
		"nothing":                    nil,
		"31 bytes":                   bytes.Repeat([]byte("x"), 31),
		"31 bytes and a line end":    append(bytes.Repeat([]byte("x"), 31), '\n'),
		"ECDSA":                      admissionPEM(t, ec.Public()),
		"RSA of 2047 bits":           admissionPEM(t, weak),
		"a private key":              pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		"a private key behind":       admissionJoin(one, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"no key in it":               pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}),
		"PKCS 1 that is none":        pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: []byte("x")}),
		"a certificate that is none": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}),
		"PEM cut short":              one[:len(one)-10],
		"the second cut short":       admissionJoin(one, one[:len(one)-10]),
		"17 keys":                    bytes.Repeat(one, 17),
	} {
		if _, err := gateway.NewJWT(key); !errors.Is(err, messages.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := gateway.ParseKeys(bytes.Repeat(one, 16)); err != nil {
		t.Errorf("16 keys: %v", err)
	}
}

func TestASecretIsWhatStandsInTheFile(t *testing.T) {
	text, binary := bytes.Repeat([]byte("s"), 32), append(bytes.Repeat([]byte{0xfe}, 31), '\n')
	for name, test := range map[string]struct{ file, secret []byte }{
		"text":                         {text, text},
		"text with a line end":         {append(bytes.Clone(text), '\n'), text},
		"text with a DOS line end":     {append(bytes.Clone(text), "\r\n"...), text},
		"bytes that end in a line end": {binary, binary},
	} {
		j, err := gateway.NewJWT(test.file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := j.Authorize(admissionBearer(admissionToken(t, jwt.SigningMethodHS256, test.secret, jwt.MapClaims{}))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPublicKeysInTheirOtherForms(t *testing.T) {
	k := admissionKeys()
	certificate, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{}, k.rsa.Public(), k.rsa)
	if err != nil {
		t.Fatal(err)
	}
	token := admissionToken(t, jwt.SigningMethodRS256, k.rsa, jwt.MapClaims{})
	for kind, der := range map[string][]byte{"RSA PUBLIC KEY": x509.MarshalPKCS1PublicKey(&k.rsa.PublicKey), "CERTIFICATE": certificate} {
		j := admissionJWT(t, append([]byte("Subject: a comment\n"), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...))
		if _, err := j.Authorize(admissionBearer(token)); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

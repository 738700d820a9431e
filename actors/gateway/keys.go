package gateway

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
	"github.com/tetherws/tether/messages"
)

const (
	leastSecret = 32   // bytes: as long as the hash of HS256
	leastRSA    = 2048 // bits
	mostKeys    = 16   // each may have to be tried for a token
)

// Keys verify tokens. What a key is decides the one algorithm that it is used
// with. Make them with [ParseKeys]; the zero value verifies none.
type Keys struct {
	byAlgorithm map[string][]jwt.VerificationKey
}

// ParseKeys reads keys as they stand in a file. That is either PEM with up to 16
// public keys (PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE), of RSA with 2048 bits
// or more for RS256, and of Ed25519 for EdDSA; or else a secret of at least 32
// bytes for HS256, as it stands, but for a line end behind printable text.
// Errors match [messages.ErrInvalid] and repeat nothing of the input.
func ParseKeys(b []byte) (Keys, error) {
	k := Keys{byAlgorithm: make(map[string][]jwt.VerificationKey)}
	var err error
	if bytes.Contains(b, []byte("-----BEGIN ")) {
		err = k.addPEM(b)
	} else {
		err = k.addSecret(withoutLineEnd(b))
	}
	if err != nil {
		return Keys{}, fmt.Errorf("%w: key: %w", messages.ErrInvalid, err)
	}
	return k, nil
}

func (k Keys) addSecret(secret []byte) error {
	if len(secret) < leastSecret {
		return fmt.Errorf("a secret of %d bytes, must be at least %d", len(secret), leastSecret)
	}
	k.add(jwt.SigningMethodHS256, bytes.Clone(secret))
	return nil
}

// withoutLineEnd cuts off what an editor or a shell has added to a text. Where
// there is anything else but text, every byte is the secret's.
func withoutLineEnd(b []byte) []byte {
	text := bytes.TrimRight(b, "\r\n")
	if bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return b
	}
	return text
}

func (k Keys) addPEM(rest []byte) error {
	for n := 0; ; n++ {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		switch {
		case block == nil && (n == 0 || bytes.Contains(rest, []byte("-----BEGIN "))):
			return errors.New("PEM that cannot be read")
		case block == nil:
			return nil
		case n == mostKeys:
			return fmt.Errorf("more than %d keys", mostKeys)
		}
		if err := k.addBlock(block); err != nil {
			return err
		}
	}
}

func (k Keys) addBlock(block *pem.Block) error {
	public, err := publicKey(block)
	if err != nil {
		return err
	}
	switch public := public.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < leastRSA {
			return fmt.Errorf("RSA with %d bits, must be at least %d", bits, leastRSA)
		}
		k.add(jwt.SigningMethodRS256, public)
	case ed25519.PublicKey:
		k.add(jwt.SigningMethodEdDSA, public)
	default:
		return fmt.Errorf("a key of type %T, must be RSA or Ed25519", public)
	}
	return nil
}

func publicKey(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return c.PublicKey, nil
	}
	return nil, errors.New("PEM that is no public key: tokens are only verified here")
}

func (k Keys) add(m jwt.SigningMethod, key jwt.VerificationKey) {
	k.byAlgorithm[m.Alg()] = append(k.byAlgorithm[m.Alg()], key)
}

func (k Keys) algorithms() []string {
	all := make([]string, 0, len(k.byAlgorithm))
	for alg := range k.byAlgorithm {
		all = append(all, alg)
	}
	return all
}

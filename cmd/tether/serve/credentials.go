package serve

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/tetherws/tether/actors/gateway"
)

// largestSecret bounds a file of keys or a token, in bytes.
const largestSecret = 64 << 10

// credentials are what the files hold that the Config names.
type credentials struct {
	token       Secret       // of operators; "" for none
	certificate *certificate // nil: no TLS
	jwtKey      string       // its file
	jwt         *gateway.JWT // nil: everybody may connect
}

// credentials reads the files. The error says all that is wrong with them.
func (c Config) credentials() (*credentials, error) {
	found := &credentials{token: c.ControlToken, jwtKey: c.JWTKey}
	var errs []error
	if c.ControlTokenFile != "" {
		var err error
		found.token, err = readToken(c.ControlTokenFile)
		errs = append(errs, of("--control-token-file", err))
	}
	if c.TLSCert != "" {
		found.certificate = &certificate{cert: c.TLSCert, key: c.TLSKey}
		errs = append(errs, of("--tls-cert and --tls-key", found.certificate.read()))
	}
	if c.JWTKey != "" {
		keys, err := readKeys(c.JWTKey)
		found.jwt = &gateway.JWT{Audience: c.JWTAudience, Issuer: c.JWTIssuer}
		found.jwt.Replace(keys)
		errs = append(errs, of("--jwt-key", err))
	}
	return found, errors.Join(errs...)
}

// reload reads certificate and keys again. What can't be read stays as it was.
func (c *credentials) reload(log *slog.Logger) {
	if c.certificate != nil {
		reloaded(log, c.certificate.cert, c.certificate.read())
	}
	if c.jwt != nil {
		keys, err := readKeys(c.jwtKey)
		if err == nil {
			c.jwt.Replace(keys)
		}
		reloaded(log, c.jwtKey, err)
	}
}

func reloaded(log *slog.Logger, file string, err error) {
	if err != nil {
		log.Error("could not read again, and kept the old", "file", file, "cause", err)
		return
	}
	log.Info("read again", "file", file)
}

// of says which setting the error is of.
func of(setting string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", setting, err)
}

func readKeys(path string) (gateway.Keys, error) {
	text, err := readSecret(path)
	if err != nil {
		return gateway.Keys{}, err
	}
	return gateway.ParseKeys(text)
}

func readToken(path string) (token Secret, err error) {
	text, err := readSecret(path)
	if err != nil {
		return "", err
	}
	if text = []byte(strings.TrimSpace(string(text))); len(text) == 0 {
		return "", errors.New("the file is empty")
	}
	return token, token.UnmarshalText(text)
}

func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largestSecret+1))
	if err == nil && len(text) > largestSecret {
		err = errors.New("the file is longer than 64KiB")
	}
	return text, err
}

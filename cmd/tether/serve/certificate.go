package serve

import (
	"crypto/tls"
	"sync/atomic"
)

// certificate is a TLS certificate that can be read again while it is in use.
type certificate struct {
	cert, key string // files
	current   atomic.Pointer[tls.Certificate]
}

// read reads the files; when that fails the certificate stays as it was.
func (c *certificate) read() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return err
	}
	c.current.Store(&pair)
	return nil
}

// config returns TLS 1.2 or later with the certificate of the moment.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	}
}

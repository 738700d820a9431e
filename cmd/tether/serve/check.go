package serve

import (
	"errors"
	"fmt"
)

// require notes that the setting must be as told, unless it is or a value of
// it is bad anyway.
func (c *Config) require(ok bool, setting, must string, args ...any) {
	if l := c.layers; !ok && !l.bad[setting] {
		l.addBad(setting, errors.New(l.origin(setting).name+" must "+fmt.Sprintf(must, args...)))
	}
}

// check notes what is wrong with the settings together.
func (c *Config) check() {
	c.require(c.TLSCert == "" || c.TLSKey != "", "tls-cert", "come with --tls-key")
	c.require(c.TLSKey == "" || c.TLSCert != "", "tls-key", "come with --tls-cert")
	c.require(c.JWTAudience == "" || c.JWTKey != "", "jwt-audience", "come with --jwt-key")
	c.require(c.JWTIssuer == "" || c.JWTKey != "", "jwt-issuer", "come with --jwt-key")
	if !c.layers.bad["max-message"] {
		c.require(!c.Echo || c.QueueBytes >= c.MaxMessage, "queue-bytes", "be at least --max-message (%v) with --echo", c.MaxMessage)
	}
	c.checkControl()
}

func (c *Config) checkControl() {
	token := c.layers.origin("control-token")
	c.require(token.layer != commandLine, "control-token", "not stand where everybody can read it: use --control-token-file or TETHER_CONTROL_TOKEN")
	c.require(c.ControlToken != hidden, "control-token", "be the token itself, or be left out for --control-token-file or TETHER_CONTROL_TOKEN")
	hasToken := c.ControlToken != "" || c.ControlTokenFile != "" || c.layers.bad["control-token"]
	c.require(hasToken || isLoopback(c.Control), "control",
		"be on loopback, such as 127.0.0.1:8081, unless there is a --control-token-file or TETHER_CONTROL_TOKEN")
}

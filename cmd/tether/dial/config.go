package dial

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/tetherws/tether/cmd/tether/size"
)

// Config is the connection. The tags are the command's flags; the command
// line fills in the defaults that they name.
type Config struct {
	URL              string        `arg:"" help:"Where to connect: ws://... or wss://..."`
	Header           []Header      `sep:"none" placeholder:"'K: V'" help:"Header of the handshake; may be repeated."`
	HeartbeatIdle    time.Duration `default:"25s" help:"Silence after which a heartbeat is sent."`
	HeartbeatTimeout time.Duration `default:"10s" help:"How long its answer may take."`
	Beat             string        `placeholder:"TEXT" help:"Heartbeat to send in place of a ping frame, such as '{\"heart\":1}'."`
	Hello            []string      `sep:"none" placeholder:"TEXT" help:"Message to send first whenever the connection opens; may be repeated."`
	Once             bool          `help:"Do not reconnect: exit with status 1 when the connection drops."`
	Echo             bool          `help:"Send back what arrives in place of printing it; stdin is not read."`
	MaxMessage       size.Bytes    `default:"1MiB" help:"Longest message to take or to send: 64KiB, 16MiB, or plain bytes."`
	Compress         bool          `help:"Offer compression."`
	Insecure         bool          `help:"Do not check the server's certificate."`
	Subprotocol      []string      `sep:"none" placeholder:"NAME" help:"Subprotocol to offer; may be repeated."`
	Resume           bool          `help:"Come back as the same connection after a drop, with nothing lost or repeated, from a server that speaks tether.v1."`
}

// Validate says what is wrong with the first bad field and what to do.
func (c Config) Validate() error {
	switch {
	case c.HeartbeatIdle <= 0:
		return errors.New("--heartbeat-idle must be longer than 0s")
	case c.HeartbeatTimeout <= 0:
		return errors.New("--heartbeat-timeout must be longer than 0s")
	case c.MaxMessage < 1:
		return errors.New("--max-message must be 1 or more")
	case c.Resume && len(c.Subprotocol) > 0:
		return errors.New("--resume offers tether.v1 alone: leave out --subprotocol")
	case c.Resume && c.Beat != "":
		return errors.New("--resume counts messages, so heartbeats must be pings: leave out --beat")
	}
	return checkURL(c.URL)
}

func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("give a URL, such as ws://localhost:8080/path")
	case err != nil:
		return fmt.Errorf("%q is not a URL, such as ws://localhost:8080/path", text)
	case u.Scheme != "ws" && u.Scheme != "wss" || u.Hostname() == "":
		return fmt.Errorf("%q must begin with ws://HOST or wss://HOST", text)
	case u.User != nil:
		return errors.New("the URL must not hold a user: use --header 'Authorization: ...'")
	}
	return nil
}

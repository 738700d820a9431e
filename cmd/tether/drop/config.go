package drop

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

// Config is the proxy and what it does. The tags are the command's flags; the
// command line fills in the defaults that they name.
type Config struct {
	Listen   string        `default:"127.0.0.1:9090" help:"Where clients connect."`
	To       string        `placeholder:"URL" help:"The server: ws://... or wss://..."`
	Control  string        `default:"127.0.0.1:9091" help:"Where to ask for faults over HTTP, on this machine alone; '' for nowhere."`
	Script   string        `xor:"what" placeholder:"FILE" help:"Timetable of drops, done once from the start. Its connection N is the Nth live one, modulo their number."`
	Mix      Mix           `xor:"what" placeholder:"MIX" help:"What drops how often, such as '6/h reset, 1/m silence for 40s', or 'default'. Rates are of each connection."`
	For      time.Duration `default:"1h" help:"Length of the timetable made from --mix; when it is over, the next seed's begins."`
	Seed     uint64        `placeholder:"N" help:"Of all that is random; 0 picks one. It is printed."`
	Duration time.Duration `default:"0s" help:"When to end by itself; 0s: never."`
	Insecure bool          `help:"Do not check the server's certificate."`
	JSON     bool          `name:"json" help:"Print the counts as one JSON object at the end."`
}

// Help is what --help says beside the flags.
func (Config) Help() string {
	return fmt.Sprintf(`Connects to the server once for each client, passes on what they say as it is, and makes faults happen:

  %s

With --mix each of the first %d live connections meets these faults at the rates given; more are spared. The same seed gives the same timetable.
How to ask for faults at any moment is told by: curl http://127.0.0.1:9091/

At SIGINT or SIGTERM all connections are reset and the counts are printed.`,
		strings.Join(drops.Words(), "\n  "), slots)
}

// Validate says what is wrong with the first bad field and what to do.
func (c Config) Validate() error {
	switch {
	case c.For <= 0:
		return errors.New("--for must be longer than 0s")
	case c.Duration < 0:
		return errors.New("--duration must be 0s or longer")
	}
	if err := checkAddr("--listen", c.Listen); err != nil {
		return err
	}
	if c.Control != "" {
		if err := checkControl(c.Control); err != nil {
			return err
		}
	}
	return checkURL(c.To)
}

func checkAddr(flag, addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("%s %q must be HOST:PORT, such as 127.0.0.1:9090", flag, addr)
	}
	return nil
}

// checkControl keeps control on this machine: who has it can drop everything.
func checkControl(addr string) error {
	if err := checkAddr("--control", addr); err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(addr) // which was tried
	ip, err := netip.ParseAddr(host)
	if host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("--control %s must be on this machine, such as 127.0.0.1:9091", addr)
	}
	return nil
}

func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("name the server with --to, such as --to ws://localhost:8080/path")
	case err != nil:
		return errors.New("--to is not a URL, such as ws://localhost:8080/path")
	case u.Scheme != "ws" && u.Scheme != "wss" || u.Hostname() == "":
		return fmt.Errorf("--to %q must begin with ws://HOST or wss://HOST", u.Redacted())
	case u.User != nil || u.Fragment != "":
		return errors.New("--to must hold neither user nor fragment")
	}
	return nil
}

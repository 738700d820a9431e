package demo

import (
	"errors"
	"time"

	"github.com/tetherws/tether/cmd/tether/openfiles"
)

// Config is what the storm is made of. The tags are the command's flags; the
// command line fills in the defaults that they name.
type Config struct {
	Connections int           `default:"1000" help:"Connections to hold."`
	Duration    time.Duration `default:"20s" help:"How long connections are cut; their recovery comes on top."`
	Drops       int           `default:"50" help:"Connections to cut, per second."`
	Rate        int           `default:"2000" help:"Messages to send, per second over all connections."`
	Seed        uint64        `placeholder:"N" help:"Of all that is random; 0 picks one. It is printed."`
	JSON        bool          `name:"json" help:"Print the result as one JSON object."`
}

// Validate says what is wrong with the first bad field and what to do: also
// if the system's limit of open files is too low.
func (c Config) Validate() error {
	switch {
	case c.Connections < 1:
		return errors.New("--connections must be 1 or more")
	case c.Duration <= 0:
		return errors.New("--duration must be longer than 0s")
	case c.Drops < 0:
		return errors.New("--drops must be 0 or more")
	case c.Rate < 0:
		return errors.New("--rate must be 0 or more")
	}
	return checkFiles(c.Connections, openfiles.Limit())
}

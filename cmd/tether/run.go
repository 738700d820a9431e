package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/tetherws/tether/cmd/tether/demo"
	"github.com/tetherws/tether/cmd/tether/dial"
	"github.com/tetherws/tether/cmd/tether/drop"
	"github.com/tetherws/tether/cmd/tether/serve"
)

// The exit statuses.
const (
	done   = 0
	failed = 1
	usage  = 2 // the command line is wrong
)

// commands is the command line.
type commands struct {
	Version kong.VersionFlag `help:"Print the version and exit."`
	Demo    demo.Config      `cmd:"" help:"Hold connections to a server of its own that keeps cutting them, and count what is lost."`
	Dial    dial.Config      `cmd:"" help:"Hold one connection: lines of stdin are sent, what arrives is printed."`
	Drop    drop.Config      `cmd:"" help:"Stand before a server as a proxy that drops connections, as a test of its clients."`
	Serve   serve.Config     `cmd:"" help:"Accept WebSocket clients, and reach each by its ID over HTTP."`
}

// run runs the command that args name and returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var line commands
	answered := false // --help or --version
	parser := kong.Must(&line,
		kong.Name("tether"),
		kong.Description("Hold many WebSocket connections and keep them alive."),
		kong.Vars{"version": version()},
		kong.Writers(stdout, stderr),
		kong.PostBuild(serve.Layered),
		kong.Exit(func(int) { answered = true }),
	)
	parsed, err := parser.Parse(args)
	switch {
	case answered:
		return done
	case err != nil:
		complain(parser, err, stderr)
		return usage
	}
	switch name, _, _ := strings.Cut(parsed.Command(), " "); name {
	case "demo":
		err = demo.Run(ctx, line.Demo, stdout, stderr)
	case "dial":
		err = dial.Run(ctx, line.Dial, stdin, stdout, stderr)
	case "drop":
		err = drop.Run(ctx, line.Drop, stdout, stderr)
	case "serve":
		err = serve.Run(ctx, line.Serve, stdout, stderr)
	}
	if err != nil {
		tell(err, stderr)
		return failed
	}
	return done
}

// tell says what is wrong, each in one line.
func tell(err error, stderr io.Writer) {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(stderr, "tether:", strings.TrimSuffix(line, "\n"))
	}
}

// complain tells what is wrong, and how it is right.
func complain(parser *kong.Kong, err error, stderr io.Writer) {
	tell(err, stderr)
	var wrong *kong.ParseError
	if errors.As(err, &wrong) {
		parser.Stdout = stderr
		_ = wrong.Context.PrintUsage(true)
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "tether (devel)"
	}
	return "tether " + info.Main.Version
}

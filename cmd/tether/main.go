// Command tether holds WebSocket connections and keeps them alive: a storm on
// real sockets to see it done (demo), one supervised connection from the
// terminal (dial), a proxy that drops the connections of others (drop), and a
// gateway that accepts clients and reaches each by its ID (serve).
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

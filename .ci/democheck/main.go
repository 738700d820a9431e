// Democheck reads the result of "tether demo --json" on its standard input
// and fails, naming each broken promise, unless all of them hold.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
)

// result is the part of the demo's result that carries promises. Its fields
// are pointers, so that a missing one does not pass for zero.
type result struct {
	Connections    *int `json:"connections"`
	Open           *int `json:"open"`
	Sent           *int `json:"sent"`
	Confirmed      *int `json:"confirmed"`
	ReceivedUnique *int `json:"received_unique"`
	Lost           *int `json:"lost"`
	Drops          *int `json:"drops"`
	Reconnects     *int `json:"reconnects"`
	MaxLive        *int `json:"max_live_sockets_per_id"`
}

func main() {
	connections := flag.Int("connections", 0, "how many the demo was asked for")
	flag.Parse()
	broken, err := check(os.Stdin, *connections)
	if err != nil {
		broken = []string{err.Error()}
	}
	for _, promise := range broken {
		fmt.Fprintln(os.Stderr, "demo:", promise)
	}
	if len(broken) > 0 {
		os.Exit(1)
	}
}

// check returns the promises that the result in r breaks.
func check(r io.Reader, connections int) (broken []string, err error) {
	var got result
	text, err := io.ReadAll(io.TeeReader(r, os.Stdout))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &got); err != nil {
		return nil, fmt.Errorf("not one JSON object: %w", err)
	}
	equal := func(name string, value *int, want int) {
		if value == nil {
			broken = append(broken, name+" is missing")
		} else if *value != want {
			broken = append(broken, fmt.Sprintf("%s is %d, not %d", name, *value, want))
		}
	}
	positive := func(name string, value *int) {
		if value == nil || *value <= 0 {
			broken = append(broken, name+" is missing or not positive")
		}
	}
	positive("sent", got.Sent)
	positive("drops", got.Drops)
	positive("reconnects", got.Reconnects)
	equal("connections", got.Connections, connections)
	equal("open", got.Open, connections)
	equal("lost", got.Lost, 0)
	equal("max_live_sockets_per_id", got.MaxLive, 1)
	if got.Sent != nil {
		equal("confirmed", got.Confirmed, *got.Sent)
		equal("received_unique", got.ReceivedUnique, *got.Sent)
	}
	return broken, nil
}

// Mutants breaks the code on purpose, once for each row of its table, and
// fails unless the simulation of package drops notices, by the invariant that
// the row names. Each row must stand in the documentation of package drops
// too.
//
//	go run ./.ci/mutants [-seeds N] [-v] [NAME...]
//
// It is run from the root of the module, changes no file, and takes a few
// seconds a mutant.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// mutant is one deliberate fault: in file, the text old, which occurs once, is
// replaced.
type mutant struct {
	name      string
	invariant string // that catches it
	file      string
	old, new  string
}

var (
	seeds   = flag.Int("seeds", 20, "how many seeds are simulated with each mutant at most")
	verbose = flag.Bool("v", false, "print what the simulation said")
)

const (
	documentation = "supervision/drops/doc.go"
	longest       = 5 * time.Minute // of one mutant, its compilation included
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// run releases the mutants that are named; all, if none is.
func run(ctx context.Context, names []string) error {
	doc, err := os.ReadFile(documentation)
	if err != nil {
		return fmt.Errorf("%w (run it from the root of the module)", err)
	}
	if out, err := simulate(ctx, ""); err != nil {
		return fmt.Errorf("the simulation fails without any mutant:\n%s", tail(out))
	}
	var escaped []string
	ran := 0
	for _, m := range mutants {
		if len(names) > 0 && !slices.Contains(names, m.name) {
			continue
		}
		ran++
		began := time.Now()
		err := m.hunt(ctx, string(doc))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		verdict := "caught by: " + m.invariant
		if err != nil {
			verdict = err.Error()
			escaped = append(escaped, m.name)
		}
		fmt.Printf("%-46s %s (%.0f s)\n", m.name, verdict, time.Since(began).Seconds())
	}
	switch {
	case len(escaped) > 0:
		return fmt.Errorf("%d of %d escaped: %s", len(escaped), ran, strings.Join(escaped, "; "))
	case ran == 0:
		return errors.New("no mutant of that name")
	}
	return nil
}

// hunt returns nil if the mutant is caught as the table says.
func (m mutant) hunt(ctx context.Context, doc string) error {
	if !documented(doc, m) {
		return fmt.Errorf("%s has no line %q with %q", documentation, m.name, m.invariant)
	}
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(dir)
	if err != nil {
		return err
	}
	out, err := simulate(ctx, overlay)
	if *verbose {
		fmt.Printf("%s\n", out)
	}
	switch {
	case err == nil:
		return errors.New("ESCAPED")
	case !bytes.Contains(out, []byte(": "+m.invariant+": ")):
		return fmt.Errorf("NOT CAUGHT BY %q:\n%s", m.invariant, tail(out))
	}
	return nil
}

func documented(doc string, m mutant) bool {
	for line := range strings.Lines(doc) {
		if strings.Contains(line, m.name) && strings.Contains(line, m.invariant) {
			return true
		}
	}
	return false
}

// overlay writes the mutated file, and what tells the compiler to take it in
// place of the real one.
func (m mutant) overlay(dir string) (string, error) {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		return "", fmt.Errorf("its text occurs %d times in %s", n, m.file)
	}
	mutated := filepath.Join(dir, "mutated.go")
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o600); err != nil {
		return "", err
	}
	real, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {real: mutated}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

// simulate runs the simulation on the mutant until its first failure, or on
// the code as it is if there is no overlay.
func simulate(ctx context.Context, overlay string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	test := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-count", "1", "-failfast", "-timeout", "2m",
		"./supervision/drops", "-run", "^TestSimulation$", "-seeds", fmt.Sprint(*seeds))
	return test.CombinedOutput()
}

func tail(out []byte) []byte { return out[max(0, len(out)-2000):] }

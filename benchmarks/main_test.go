//go:build unix

package benchmarks_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"
)

// roleVariable, when set, makes this test binary one of the other processes
// of a benchmark, so that each side's cost is its own.
const roleVariable = "TETHER_BENCHMARK_ROLE"

func TestMain(m *testing.M) {
	var err error
	switch role := os.Getenv(roleVariable); role {
	case "":
		goleak.VerifyTestMain(m)
	case "sink":
		err = serveSink(os.Stdin, os.Stdout)
	case "idle":
		err = holdIdle(os.Args[1:], os.Stdout)
	default:
		err = fmt.Errorf("no role %q", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// inRole returns the command that runs this binary as another process.
func inRole(role string, args ...string) *exec.Cmd {
	command := exec.Command(os.Args[0], args...)
	command.Env = append(os.Environ(), roleVariable+"="+role)
	command.Stderr = os.Stderr
	return command
}

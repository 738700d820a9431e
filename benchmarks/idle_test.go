//go:build unix

package benchmarks_test

import (
	"flag"
	"fmt"
	"io"
	"strconv"
	"testing"
)

var idleConnections = flag.Int("idle", 10_000, "connections that BenchmarkIdle holds")

// BenchmarkIdle measures the resident memory of an open connection without
// traffic. A process of its own holds them: one that ran before would lend
// them memory that it has already.
func BenchmarkIdle(b *testing.B) {
	for _, s := range sides {
		b.Run(fmt.Sprintf("%s/%d", s.name, *idleConnections), func(b *testing.B) {
			var bytes float64
			for b.Loop() {
				bytes = idleBytes(b, s.name, *idleConnections)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(bytes, "B/conn")
		})
	}
}

func idleBytes(b *testing.B, name string, n int) float64 {
	output, err := inRole("idle", name, strconv.Itoa(n), startSink(b).answer()).Output()
	if err != nil {
		b.Fatal(err)
	}
	var bytes float64
	if _, err := fmt.Sscan(string(output), &bytes); err != nil {
		b.Fatal(err)
	}
	return bytes
}

// holdIdle is the process that holds the connections and prints the bytes that
// each adds. Its arguments are the side, the number and the URL.
func holdIdle(args []string, stdout io.Writer) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	before, err := residentBytes()
	if err != nil {
		return err
	}
	f, err := sideNamed(args[0]).open(args[2], n, true)
	if err != nil {
		return err
	}
	for i := range n {
		if err := until(func() bool { return f.beaten(i) }); err != nil {
			return err
		}
	}
	after, err := residentBytes()
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, float64(after-before)/float64(n))
	return f.close()
}

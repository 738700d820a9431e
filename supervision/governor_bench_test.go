package supervision_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tetherws/tether/supervision"
)

// A dial from Enqueue to Done while others wait in pools that are held.
func BenchmarkGovernor(b *testing.B) {
	for _, waiting := range []int{0, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			g := supervision.NewGovernor(supervision.Limits{PerSecond: wide, PoolPerSecond: wide})
			defer g.Close()
			for n := range waiting {
				pool := fmt.Sprint("held ", n%1000)
				g.Hold(pool, time.Hour)
				g.Enqueue(pool, func(*supervision.Permit) {})
			}
			done := make(chan struct{})
			granted := func(p *supervision.Permit) {
				p.Done(supervision.Answered)
				done <- struct{}{}
			}
			b.ReportAllocs()
			for b.Loop() {
				g.Enqueue("free", granted)
				<-done
			}
		})
	}
}

// A herd of one pool, from the first Enqueue to the last Done.
func BenchmarkGovernorHerd(b *testing.B) {
	const herd = 100_000
	b.ReportAllocs()
	for b.Loop() {
		g := supervision.NewGovernor(supervision.Limits{PerSecond: wide, PoolPerSecond: wide})
		done := make(chan struct{}, herd)
		for range herd {
			g.Enqueue("a", func(p *supervision.Permit) {
				p.Done(supervision.Answered)
				done <- struct{}{}
			})
		}
		for range herd {
			<-done
		}
		g.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/herd, "ns/dial")
}

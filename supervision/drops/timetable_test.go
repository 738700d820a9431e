package drops_test

import (
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tetherws/tether/supervision/drops"
)

func mix(text string) drops.Mix { return must(drops.ParseMix(text)) }

// The timetable of a seed is a promise: a failure found with it must be found
// again. A change of this text breaks it for everyone.
func TestTimetableOfASeedNeverChanges(t *testing.T) {
	const want = `tether-script 1 seed=17 connections=3 length=20m0s
9.395970074s 1 slow jitter=10ms seed=9109363113436389915 for 1m38.676385102s
1m31.116182417s 2 reset
1m58.674706928s 1 reset
2m2.170581096s 0 slow jitter=10ms seed=9473065290710787724 for 2m27.789914761s
2m16.169122683s 2 close 1001 reason="bye"
4m16.526217449s 2 reset
5m8.702022706s 0 close 1001 reason="bye"
6m23.070693603s 2 silence in for 20.301606836s
7m51.277371322s 1 close 1001 reason="bye"
10m50.457238664s 0 reset
10m59.085521642s 1 close 1001 reason="bye"
16m13.154795182s 0 close 1001 reason="bye"
17m39.113357347s 2 reset
18m3.67356149s 2 close 1001 reason="bye"
18m15.922855735s 2 silence in for 27.007840052s
18m22.767417385s 0 close 1001 reason="bye"
18m45.236304615s 0 slow jitter=10ms seed=7371553730715170897 for 39.036682982s
19m9.939010809s 2 close 1001 reason="bye"
`
	s := must(drops.NewScript(17, 3, 20*time.Minute,
		mix(`6/h reset, 4/h silence in for 30s, 2/h slow jitter=10ms for 2m, 0.1/m close 1001 reason="bye"`)))
	if got := s.String(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestStepsOfAConnectionDoNotDependOnHowManyThereAre(t *testing.T) {
	m := drops.DefaultMix()
	few := must(drops.NewScript(3, 5, time.Hour, m)).Steps
	many := must(drops.NewScript(3, 50, time.Hour, m)).Steps
	many = slices.DeleteFunc(many, func(s drops.Step) bool { return s.Conn >= 5 })
	if !reflect.DeepEqual(few, many) {
		t.Errorf("among 5:\n%v\namong 50:\n%v", few, many)
	}
}

func TestSeedsAndConnectionsDiffer(t *testing.T) {
	m := mix("60/h reset")
	at := make(map[time.Duration]bool)
	n := 0
	for seed := range uint64(20) {
		for _, step := range must(drops.NewScript(seed, 20, time.Hour, m)).Steps {
			at[step.At] = true
			n++
		}
	}
	if len(at) != n || n == 0 {
		t.Errorf("%d steps at %d different instants", n, len(at))
	}
}

func TestEmptyMixGivesAScriptWithoutSteps(t *testing.T) {
	want := drops.Script{Seed: 7, Connections: 2, Length: time.Hour}
	if s, err := drops.NewScript(7, 2, time.Hour, nil); !reflect.DeepEqual(s, want) || err != nil {
		t.Errorf("%v, %v", s, err)
	}
}

func TestTimetableThatCannotBeDrawnIsInvalid(t *testing.T) {
	cases := []struct {
		connections int
		length      time.Duration
		mix         drops.Mix
		want        string
	}{
		{0, time.Hour, nil, "a script for 0 connections, 1h0m0s long"},
		{-1, time.Hour, nil, "a script for -1 connections"},
		{1, 0, nil, "0s long"},
		{1, -1, nil, "-1ns long"},
		{1, time.Hour, drops.Mix{{What: drops.Reset{}}}, "the rate 0/h"},
		{1, time.Hour, mix("1.2e6/h reset"), "more than 1000000 steps"},
	}
	for _, c := range cases {
		_, err := drops.NewScript(1, c.connections, c.length, c.mix)
		wantInvalid(t, c.mix.String(), err, c.want)
	}
}

func TestSlowWithJitterIsGivenASeedOfItsOwn(t *testing.T) {
	s := must(drops.NewScript(1, 1, time.Hour, mix("60/h slow jitter=1s, 60/h slow latency=1s, 60/h slow jitter=2s seed=5")))
	seeds := make(map[uint64]int)
	for _, step := range s.Steps {
		switch slow := step.What.(drops.Slow); {
		case slow.Jitter == time.Second:
			seeds[slow.Seed]++
		case slow.Jitter == 0 && slow.Seed != 0, slow.Jitter != 0 && slow.Seed != 5:
			t.Errorf("%v", step)
		}
	}
	for seed, n := range seeds {
		if seed == 0 || n > 1 {
			t.Errorf("seed %d of %d steps", seed, n)
		}
	}
	if len(seeds) < 30 {
		t.Errorf("only %d seeds", len(seeds))
	}
}

func TestCrowdedTimetableHasOneStepAnInstant(t *testing.T) {
	for seed := range uint64(1000) {
		s := must(drops.NewScript(seed, 10, 1+time.Duration(seed%30), mix("1e12/h silence for 1ns, 1e12/h stall for 9ns, 1e12/h reset")))
		wantTimetable(t, s)
	}
}

func TestCrowdedTimetableIsFilled(t *testing.T) {
	s := must(drops.NewScript(1, 400, 1000, mix("3e11/h silence for 3ns, 3e11/h reset")))
	wantTimetable(t, s)
	used := make(map[time.Duration]bool)
	for _, step := range s.Steps {
		used[step.At], used[step.At+step.For] = true, true
	}
	if len(used) < 990 {
		t.Errorf("%d of 1001 instants are used", len(used))
	}
}

// sigmas is how far a count may be from its mean; the seeds are fixed, so
// that what passes once passes always.
const sigmas = 5

func TestRatesAreMet(t *testing.T) {
	m := mix("30/h reset, 10/h fin, 20/h silence for 30s, 0.5/h stall for 10m")
	s := must(drops.NewScript(1, 200, 10*time.Hour, m))
	wantTimetable(t, s)
	free := 200 * s.Length // in which something can begin
	counts := make(map[drops.Happening]int)
	for _, step := range s.Steps {
		counts[step.What]++
		free -= step.For
	}
	for _, share := range m {
		want := share.PerHour * free.Hours()
		if n := float64(counts[share.What]); math.Abs(n-want) > sigmas*math.Sqrt(want) {
			t.Errorf("%v steps of %v; want %.0f", n, share.What, want)
		}
	}
}

func TestWhatLastsDoesSoForAHalfToOneAndAHalf(t *testing.T) {
	const mean = 30 * time.Second
	s := must(drops.NewScript(1, 100, 10*time.Hour, mix("60/h silence for 30s")))
	var sum, n float64
	least, most := mean, mean
	for _, step := range s.Steps {
		if step.At+2*mean > s.Length {
			continue // it may be cut
		}
		n++
		sum += float64(step.For)
		least, most = min(least, step.For), max(most, step.For)
	}
	// The deviation of a uniform variate is its width over √12.
	if off := math.Abs(sum/n - float64(mean)); off > sigmas*float64(mean)/math.Sqrt(12*n) {
		t.Errorf("%v long on average; want %v", time.Duration(sum/n), mean)
	}
	if least < mean/2 || least > mean/2+mean/100 || most > mean+mean/2 || most < mean+mean/2-mean/100 {
		t.Errorf("between %v and %v; want %v to %v", least, most, mean/2, mean+mean/2)
	}
}

func TestGapsAreExponentialAndConnectionsIndependent(t *testing.T) {
	const connections, mean = 20_000, time.Hour
	s := must(drops.NewScript(1, connections, 15*mean, mix("1/h reset")))
	firsts := make([]float64, connections) // in means
	for _, step := range slices.Backward(s.Steps) {
		firsts[step.Conn] = step.At.Hours()
	}
	for _, x := range []float64{0.01, 0.1, 0.5, 1, 2, 3, 5} {
		wantShare(t, "first gaps over x", math.Exp(-x), firsts, func(i int) bool { return firsts[i] > x })
	}
	wantShare(t, "neighbours' first gaps both over ln 2", 0.25, firsts, func(i int) bool {
		return firsts[i] > math.Ln2 && firsts[(i+1)%connections] > math.Ln2
	})
}

func TestRarestMixIsDrawnOverTheLongestTime(t *testing.T) {
	s := must(drops.NewScript(1, 1000, math.MaxInt64, mix("1e-300/h reset")))
	wantTimetable(t, s)
	const want = 1000 * 32 // once in nine years is the rarest
	if n := float64(len(s.Steps)); math.Abs(n-want) > sigmas*math.Sqrt(want) {
		t.Errorf("%v steps; want %v", n, want)
	}
}

// wantShare holds the share of the indexes for which is holds to p.
func wantShare(t *testing.T, what string, p float64, of []float64, is func(int) bool) {
	t.Helper()
	n, total := 0.0, float64(len(of))
	for i := range of {
		if is(i) {
			n++
		}
	}
	if math.Abs(n-p*total) > sigmas*math.Sqrt(total*p*(1-p)) {
		t.Errorf("%s: %v of %v; want %.0f", what, n, total, p*total)
	}
}

// wantTimetable holds a drawn script to its order, bounds, unique instants,
// and to one step at a time on each connection.
func wantTimetable(t *testing.T, s drops.Script) {
	t.Helper()
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	taken := make(map[time.Duration]drops.Step)
	ends := make(map[int]time.Duration)
	for _, step := range s.Steps {
		instants := []time.Duration{step.At}
		if step.For > 0 {
			instants = append(instants, step.At+step.For)
		}
		for _, at := range instants {
			if other, ok := taken[at]; ok {
				t.Errorf("%v and %v meet at %v", other, step, at)
			}
			taken[at] = step
		}
		if end, ok := ends[step.Conn]; ok && step.At <= end {
			t.Errorf("%v begins before %v, the end of the last", step, end)
		}
		ends[step.Conn] = step.At + step.For
	}
}

// FuzzNewScript draws about so many steps a connection: the timetable is in
// order and within its bounds, no instants are the same, nothing overlaps on a
// connection, and the same seed gives the same again, which is read back from
// its text.
func FuzzNewScript(f *testing.F) {
	f.Add(uint64(1), uint8(3), int64(time.Hour), uint8(20), uint8(30), uint8(10), int64(time.Minute))
	f.Add(uint64(1<<64-1), uint8(255), int64(50), uint8(40), uint8(40), uint8(40), int64(3))
	f.Add(uint64(0), uint8(1), int64(math.MaxInt64), uint8(1), uint8(200), uint8(1), int64(math.MaxInt64))
	f.Add(uint64(5), uint8(9), int64(1), uint8(0), uint8(0), uint8(1), int64(1))
	f.Fuzz(func(t *testing.T, seed uint64, connections uint8, length int64, resets, silences, slows uint8, lasting int64) {
		if length <= 0 || lasting < 0 || connections == 0 {
			t.Skip()
		}
		var m drops.Mix
		add := func(what drops.Happening, times uint8, lasting int64) {
			if times > 0 {
				perHour := float64(times) / time.Duration(length).Hours()
				m = append(m, drops.Share{What: what, PerHour: perHour, For: time.Duration(lasting)})
			}
		}
		add(drops.Reset{}, resets, 0)
		add(drops.Silence{}, silences, lasting)
		add(drops.Slow{Jitter: 1}, slows, lasting/2)
		s, err := drops.NewScript(seed, int(connections), time.Duration(length), m)
		if err != nil {
			wantInvalid(t, m.String(), err, "at most one a nanosecond")
			return
		}
		wantTimetable(t, s)
		if again := must(drops.NewScript(seed, int(connections), time.Duration(length), m)); !reflect.DeepEqual(again, s) {
			t.Errorf("once:\n%v\nagain:\n%v", s, again)
		}
		if back, err := drops.ParseScript(s.String()); !reflect.DeepEqual(back, s) || err != nil {
			t.Errorf("%v\nis read back as\n%v, %v", s, back, err)
		}
	})
}

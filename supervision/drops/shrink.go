package drops

import "slices"

// Shrink cuts a script that fails down to one that still does, and without any
// one of whose steps it does not. Seed, Connections and Length stay. A
// script that does not fail is returned as it is.
//
// It is Zeller's ddmin: it leaves out everything, then whole connections, then
// halves, quarters and so on of the steps. Given a fails that always says the
// same of the same script, so does Shrink; fails must not change the steps.
// Calls of fails are about as many as steps remain times the logarithm of the
// number n there were, and at worst 2(n+3)².
func Shrink(s Script, fails func(Script) bool) Script {
	with := func(steps []Step) Script {
		less := s
		less.Steps = steps
		return less
	}
	if !fails(s) {
		return s
	}
	if fails(with(nil)) {
		return with(nil)
	}
	steps := s.Steps
	conns := minimal(connections(steps), func(conns []int) bool { return fails(with(of(conns, steps))) })
	return with(minimal(of(conns, steps), func(steps []Step) bool { return fails(with(steps)) }))
}

// minimal returns items without as many as it can while they fail. All of
// them do, and none do not.
func minimal[T any](items []T, fails func([]T) bool) []T {
	for parts := 2; len(items) > 1; {
		parts = min(parts, len(items))
		if part, ok := partThat(fails, items, parts); ok {
			items, parts = part, 2
			continue
		}
		if rest, ok := restThat(fails, items, parts); ok {
			items, parts = rest, max(parts-1, 2)
			continue
		}
		if parts == len(items) {
			break
		}
		parts *= 2
	}
	return items
}

// partThat returns the first of the parts that fails alone.
func partThat[T any](fails func([]T) bool, items []T, parts int) ([]T, bool) {
	for i := range parts {
		from, to := bounds(i, parts, len(items))
		if part := items[from:to]; fails(part) {
			return part, true
		}
	}
	return nil, false
}

// restThat returns what fails without the first of the parts that it needn't
// have. Of two parts, each is the rest of the other.
func restThat[T any](fails func([]T) bool, items []T, parts int) ([]T, bool) {
	if parts == 2 {
		return nil, false
	}
	for i := range parts {
		from, to := bounds(i, parts, len(items))
		if rest := slices.Concat(items[:from], items[to:]); fails(rest) {
			return rest, true
		}
	}
	return nil, false
}

// bounds are those of part i of so many, as even as can be.
func bounds(i, parts, n int) (from, to int) { return i * n / parts, (i + 1) * n / parts }

func connections(steps []Step) []int {
	var conns []int
	for _, s := range steps {
		conns = append(conns, s.Conn)
	}
	slices.Sort(conns)
	return slices.Compact(conns)
}

// of returns the steps of these connections.
func of(conns []int, steps []Step) []Step {
	var kept []Step
	for _, s := range steps {
		if _, ok := slices.BinarySearch(conns, s.Conn); ok {
			kept = append(kept, s)
		}
	}
	return kept
}

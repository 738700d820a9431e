package serve

import "strings"

// choose settles what excludes each other.
func (c *Config) choose() {
	c.layers.exclude(
		choice{"echo", c.Echo, func() { c.Echo = false }},
		choice{"discard", c.Discard, func() { c.Discard = false }},
		choice{"backend", c.Backend != "", func() { c.Backend = "" }},
	)
	c.layers.exclude(
		choice{"control-token-file", c.ControlTokenFile != "", func() { c.ControlTokenFile = "" }},
		choice{"control-token", c.ControlToken != "", func() { c.ControlToken = "" }},
	)
}

// choice is one of several settings of which one can hold.
type choice struct {
	setting string
	made    bool
	drop    func()
}

// exclude drops what a higher layer excludes, and notes what excludes each
// other in one layer.
func (l *layers) exclude(choices ...choice) {
	highest := defaults
	for _, c := range choices {
		if c.made {
			highest = min(highest, l.origin(c.setting).layer)
		}
	}
	var kept []string
	for _, c := range choices {
		switch at := l.origin(c.setting); {
		case !c.made:
		case at.layer > highest:
			c.drop()
		default:
			kept = append(kept, at.name)
		}
	}
	if len(kept) > 1 {
		l.add("%s exclude each other", strings.Join(kept, " and "))
	}
}

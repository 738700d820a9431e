package serve

import (
	"errors"
	"fmt"
)

// problems is what is wrong, in the order in which it was found. The zero value
// is empty.
type problems struct {
	found []error
	bad   map[string]bool // settings with a bad value in one of the layers
}

func (p *problems) add(format string, args ...any) {
	p.found = append(p.found, fmt.Errorf(format, args...))
}

// addBad notes a bad value of the setting.
func (p *problems) addBad(setting string, err error) {
	if p.bad == nil {
		p.bad = make(map[string]bool)
	}
	p.bad[setting] = true
	p.found = append(p.found, err)
}

func (p *problems) err() error { return errors.Join(p.found...) }

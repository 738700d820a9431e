package drop

import (
	"fmt"
	"os"

	"github.com/tetherws/tether/supervision/drops"
)

// Mix is a drops.Mix as it is written on a command line; "default" is
// drops.DefaultMix.
type Mix struct{ mix drops.Mix }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mix) UnmarshalText(text []byte) (err error) {
	if string(text) == "default" {
		m.mix = drops.DefaultMix()
		return nil
	}
	m.mix, err = drops.ParseMix(string(text))
	return err
}

func readScript(file string) (s drops.Script, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return s, fmt.Errorf("--script: %w", err)
	}
	if err := s.UnmarshalText(text); err != nil {
		return s, fmt.Errorf("--script %s: %w", file, err)
	}
	return s, nil
}

package terminal

import (
	"fmt"
	"strings"
)

// Live is a block of lines that is redrawn in place. The zero value with a
// Screen is ready. It is for one goroutine.
type Live struct {
	Screen Screen
	drawn  int // lines on the screen
}

// Draw puts lines where the last ones stood. A line that is too wide is cut,
// since one that wraps would move the block.
func (l *Live) Draw(lines ...string) error {
	var b strings.Builder
	if l.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", l.drawn)
	}
	width := l.Screen.Width()
	for _, line := range lines {
		b.WriteString("\x1b[2K" + cut(line, width-1) + "\n")
	}
	b.WriteString("\x1b[J")
	l.drawn = len(lines)
	_, err := l.Screen.Write([]byte(b.String()))
	return err
}

// cut returns the first width characters of line.
func cut(line string, width int) string {
	runes := []rune(line)
	return string(runes[:min(len(runes), max(width, 0))])
}

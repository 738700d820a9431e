package drops

import "sync"

// countdown gives what is to happen to the next few who ask.
type countdown[T any] struct {
	mu   sync.Mutex
	left int // negative: never used up
	what T
}

// set replaces what was set before.
func (c *countdown[T]) set(n int, what T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.what = n, what
}

// clear forgets what was set.
func (c *countdown[T]) clear() {
	var nothing T
	c.set(0, nothing)
}

// take reports false when nothing is to happen.
func (c *countdown[T]) take() (what T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		return what, false
	}
	if c.left > 0 {
		c.left--
	}
	return c.what, true
}

package supervision

// Pools returns how many pools the governor remembers.
func (g *Governor) Pools() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.pools)
}

// Remembered returns how many children the strategy keeps something about.
func (s *Strategy) Remembered() int { return len(s.children) }

package drops

import "maps"

// ProxyCounts is what became of the clients of a [Proxy]. Accepted is the sum
// of Live, of Closing, and of all that Ends counts.
type ProxyCounts struct {
	Accepted uint64 `json:"accepted"` // upgrades passed on
	Declined uint64 `json:"declined"` // handshakes that the upstream answered otherwise
	Failed   uint64 `json:"failed"`   // handshakes that the upstream did not answer, by a DialFault or by itself
	Refused  uint64 `json:"refused"`  // handshakes that a Refusal answered in the upstream's place

	Live     int `json:"live"`     // now, and nothing of an end in sight
	Closing  int `json:"closing"`  // now; a fault or a peer has begun to end them
	Silenced int `json:"silenced"` // of both, those under Silence now

	// Faults are those that struck, by the first word of their names; a
	// Refusal or DialFault once for each handshake, and Torn when it is armed.
	Faults map[string]uint64 `json:"faults"`
	Ends   ProxyEnds         `json:"ends"`

	FromClient ProxyTraffic `json:"from_client"`
	FromServer ProxyTraffic `json:"from_server"`
}

// ProxyEnds counts the connections that have ended, each by what was first: a
// fault that told a peer so, or a peer's own close frame, FIN or RST.
type ProxyEnds struct {
	Faults map[string]uint64 `json:"faults"` // as ProxyCounts has it
	Client PeerEnds          `json:"client"`
	Server PeerEnds          `json:"server"`
	Closed uint64            `json:"closed"` // by Proxy.Close
}

// PeerEnds counts the connections that one side has ended.
type PeerEnds struct {
	Close map[int]uint64 `json:"close"` // with a close frame, by its code; 1005 is none
	FIN   uint64         `json:"fin"`
	RST   uint64         `json:"rst"` // or any other failure of the socket
}

// ProxyTraffic counts what has come from one side, behind the handshakes. What
// faults add to it is not counted, and what silence withholds not until then.
type ProxyTraffic struct {
	Bytes      uint64         `json:"bytes"`
	Messages   uint64         `json:"messages"` // whole ones
	Pings      uint64         `json:"pings"`
	Pongs      uint64         `json:"pongs"`
	CloseCodes map[int]uint64 `json:"close_codes"` // 1005 is none
}

func newCounts() ProxyCounts {
	newTraffic := func() ProxyTraffic { return ProxyTraffic{CloseCodes: make(map[int]uint64)} }
	newEnds := func() PeerEnds { return PeerEnds{Close: make(map[int]uint64)} }
	return ProxyCounts{
		Faults:     make(map[string]uint64),
		Ends:       ProxyEnds{Faults: make(map[string]uint64), Client: newEnds(), Server: newEnds()},
		FromClient: newTraffic(),
		FromServer: newTraffic(),
	}
}

// Counts returns a snapshot of one moment. What a peer has received of the
// other is in it.
func (p *Proxy) Counts() ProxyCounts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts
	for _, m := range []*map[string]uint64{&c.Faults, &c.Ends.Faults} {
		*m = maps.Clone(*m)
	}
	for _, m := range []*map[int]uint64{
		&c.Ends.Client.Close, &c.Ends.Server.Close, &c.FromClient.CloseCodes, &c.FromServer.CloseCodes,
	} {
		*m = maps.Clone(*m)
	}
	for _, conn := range p.conns {
		conn.addTo(&c)
	}
	return c
}

// addTo counts a connection that is not gone.
func (c *proxied) addTo(counts *ProxyCounts) {
	if c.outcome == nil {
		counts.Live++
	} else {
		counts.Closing++
	}
	if c.lasts != nil && c.lasts.silent() {
		counts.Silenced++
	}
}

func (p *Proxy) count(add func(*ProxyCounts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	add(&p.counts)
}

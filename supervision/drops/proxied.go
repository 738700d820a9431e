package drops

import (
	"bytes"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// proxied is one connection that passes through a [Proxy]. Two pumps carry
// it; the last to end takes it out of the proxy.
type proxied struct {
	proxy          *Proxy
	id             uint64
	since          time.Time
	client, server *leg
	pumps          atomic.Int32

	turn sync.Mutex // held while what lasts begins or ends

	// The proxy's lock guards what follows.
	lasts   *spell  // nil: none
	suspect endedBy // of a fault that is about to end it
	outcome endedBy // nil: its end has not begun
	gone    bool
}

// leg is the proxy's end towards the client, or towards the server.
type leg struct {
	conn   *Conn
	stream net.Conn      // conn, or the TLS above it
	sent   *ProxyTraffic // what its peer sends; the proxy's lock guards it
	ends   *PeerEnds
	frames meter

	// The proxy's lock guards what follows.
	halved  bool  // FIN has ended its writes
	tearing *Torn // a write is under way that it may tear
}

// endedBy enters in the counts what ended a connection.
type endedBy func(*ProxyEnds)

func byFault(name string) endedBy { return func(e *ProxyEnds) { e.Faults[name]++ } }

// join makes a connection of a client and a server that have agreed. It
// reports false when the server is left to the caller.
func (p *Proxy) join(w http.ResponseWriter, server *leg, a *proxyAnswer) bool {
	conn, behind, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	early, _ := behind.Peek(behind.Reader.Buffered()) // which is there
	client := Wrap(conn)
	c := p.admit(&leg{conn: client, stream: client}, server)
	if c == nil {
		_ = client.Close()
		return false
	}
	early = bytes.Clone(early)
	p.working.Go(func() { c.pump(c.client, c.server, nil, early) })
	p.working.Go(func() { c.pump(c.server, c.client, a.head, a.early) })
	return true
}

// admit returns nil when the proxy is closed.
func (p *Proxy) admit(client, server *leg) *proxied {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.last++
	p.counts.Accepted++
	client.sent, client.ends = &p.counts.FromClient, &p.counts.Ends.Client
	server.sent, server.ends = &p.counts.FromServer, &p.counts.Ends.Server
	c := &proxied{proxy: p, id: p.last, since: time.Now(), client: client, server: server}
	c.pumps.Store(2)
	p.conns = append(p.conns, c)
	return c
}

// cut resets both sides, for a reason that counts if it is the first.
func (c *proxied) cut(why endedBy) {
	c.proxy.mu.Lock()
	c.end(why)
	c.proxy.mu.Unlock()
	_ = Reset{}.Inject(c.client.conn)
	_ = Reset{}.Inject(c.server.conn)
}

// end notes what ends the connection: what was first. A fault that is about
// to end it comes before the peers that tell of it. The caller holds the
// proxy's lock.
func (c *proxied) end(why endedBy) {
	switch {
	case c.outcome != nil:
		return
	case c.suspect != nil:
		why = c.suspect
	case c.client.tearing != nil || c.server.tearing != nil:
		why = byFault(wordOf(Torn{}))
	}
	c.outcome = why
}

package gateway

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	secondsAtOnce  = 4       // worth of handshakes
	mostRemembered = 1 << 15 // addresses in each of the two tables
)

// arrivals bounds how often one address may knock. It remembers an address
// until its budget is full again, in two tables: every while the older is
// dropped, and the newer takes its place. So time and memory are bounded
// without a goroutine, and whoever floods it with addresses has it forget
// early those it has not seen for longest.
type arrivals struct {
	limit  rate.Limit
	burst  int
	refill time.Duration // of a whole budget

	mu         sync.Mutex
	newer, old map[netip.Addr]*rate.Limiter
	turned     time.Time // when newer was begun
}

func newArrivals(perSecond float64) arrivals {
	burst := max(1, math.Ceil(min(secondsAtOnce*perSecond, math.MaxInt32)))
	return arrivals{
		limit: rate.Limit(perSecond), burst: int(burst),
		refill: time.Duration(min(burst/perSecond*float64(time.Second), math.MaxInt64/2)),
	}
}

// wait returns after how long the address may make a handshake; 0: now, which
// it is taken to do.
func (a *arrivals) wait(from netip.Addr) time.Duration {
	now := time.Now()
	budget := a.budget(from, now)
	if budget.AllowN(now, 1) {
		return 0
	}
	missing := 1 - budget.TokensAt(now)
	return time.Duration(min(max(1, missing/float64(a.limit)*float64(time.Second)), math.MaxInt64/2))
}

func (a *arrivals) budget(from netip.Addr, now time.Time) *rate.Limiter {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.turned) >= a.refill || len(a.newer) >= mostRemembered {
		a.old, a.newer, a.turned = a.newer, make(map[netip.Addr]*rate.Limiter), now
	}
	l := a.newer[from]
	if l == nil {
		if l = a.old[from]; l == nil {
			l = rate.NewLimiter(a.limit, a.burst)
		}
		a.newer[from] = l
	}
	return l
}

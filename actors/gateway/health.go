package gateway

import "net/http"

// healthy answers GET /healthz: whoever can answer is alive.
func (c *control) healthy(r *call) error { return r.reply(http.StatusOK, healthJSON{"ok"}) }

// ready answers GET /readyz: 503 once the gateway drains.
func (c *control) ready(r *call) error {
	if !c.Ready() {
		return newProblem(kindDraining, "the gateway is draining")
	}
	return r.reply(http.StatusOK, healthJSON{"ok"})
}

type healthJSON struct {
	Status string `json:"status"`
}

package demo

import (
	"time"

	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

// Shorter than the defaults of package actors, so that a run of some seconds
// sees silence found and backoff at work.
const (
	idle, timeout    = 2 * time.Second, 2 * time.Second
	handshakeTimeout = 5 * time.Second
	healthyAfter     = 2 * time.Second
	minBackoff       = 100 * time.Millisecond
	maxBackoff       = 5 * time.Second
	dialsPerSecond   = 2000
)

func settings(onEvent func(messages.Event)) actors.Config {
	return actors.Config{
		Heartbeat: actors.Heartbeat{Idle: idle, Timeout: timeout},
		Restart: supervision.Policy{
			Backoff:      supervision.Backoff{Min: minBackoff, Max: maxBackoff},
			HealthyAfter: healthyAfter,
			Probe:        maxBackoff,
		},
		Governor: supervision.Limits{
			Concurrent: 256, PoolConcurrent: 256,
			PerSecond: dialsPerSecond, PoolPerSecond: dialsPerSecond,
		},
		HandshakeTimeout: handshakeTimeout,
		OnEvent:          onEvent,
	}
}

// recovery bounds how long so many connections may take to be open: their
// silence is found, each fails four attempts that take as long as they may,
// and all dial at the governor's rate.
func recovery(connections int) time.Duration {
	dials := time.Duration(connections) * time.Second / dialsPerSecond
	return idle + timeout + 4*(maxBackoff+handshakeTimeout+dials)
}

package dial

import (
	"context"
	"crypto/tls"
	"net/http"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/actors"
	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

// leastOutbox is the room for what waits, in bytes and in messages.
const leastOutbox, outboxMessages = 1 << 20, 4096

// manager returns the Config's of package actors.
func (c Config) manager(onEvent func(messages.Event)) actors.Config {
	return actors.Config{
		Heartbeat:       c.heartbeat(),
		ReadLimitDialed: int64(c.MaxMessage),
		Outbox: actors.Outbox{
			Messages: outboxMessages,
			Bytes:    max(leastOutbox, 2*int(c.MaxMessage)),
		},
		Restart: c.restart(),
		OnEvent: onEvent,
	}
}

// restart retries nothing with Once: a first retry might come before the end
// of the run.
func (c Config) restart() supervision.Policy {
	if !c.Once {
		return supervision.Policy{}
	}
	return supervision.Policy{Rules: []supervision.Rule{{Action: supervision.Park}}}
}

func (c Config) heartbeat() actors.Heartbeat {
	beat := actors.Heartbeat{Idle: c.HeartbeatIdle, Timeout: c.HeartbeatTimeout}
	if c.Beat != "" {
		beat.Beat = func() messages.Message { return messages.Text(c.Beat) }
	}
	return beat
}

func (c Config) target(handler actors.Handler) actors.Target {
	return actors.Target{
		URL:     c.URL,
		Request: c.request,
		Hello:   c.hello,
		Handler: handler,
		Resume:  c.Resume,
		Dialer: &websocket.Dialer{
			Proxy:             http.ProxyFromEnvironment,
			TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.Insecure},
			EnableCompression: c.Compress,
			Subprotocols:      c.Subprotocol,
		},
	}
}

func (c Config) request(context.Context, messages.Attempt) (string, http.Header, error) {
	return c.URL, headers(c.Header), nil
}

func (c Config) hello(context.Context, actors.Conn) ([]messages.Message, error) {
	hello := make([]messages.Message, len(c.Hello))
	for i, text := range c.Hello {
		hello[i] = messages.Text(text)
	}
	return hello, nil
}

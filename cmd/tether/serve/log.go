package serve

import (
	"io"
	"log"
	"log/slog"
	"strings"

	"github.com/tetherws/tether/cmd/tether/terminal"
)

// logger returns the log that is written to w.
func (c Config) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	_, screen := terminal.Of(w)
	if c.LogFormat == "text" || c.LogFormat != "json" && screen {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// complaints is what an http.Server complains of.
type complaints struct{ log *slog.Logger }

// Write logs a line: at Debug what any stranger can cause.
func (c complaints) Write(line []byte) (int, error) {
	text := strings.TrimSuffix(string(line), "\n")
	if strings.HasPrefix(text, "http: TLS handshake error") {
		c.log.Debug("handshake failed", "cause", text)
	} else {
		c.log.Warn("server", "cause", text)
	}
	return len(line), nil
}

func complainTo(l *slog.Logger) *log.Logger { return log.New(complaints{l}, "", 0) }

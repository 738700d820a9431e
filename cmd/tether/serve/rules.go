package serve

import (
	"math"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/cmd/tether/size"
)

// rule is what each value of a setting must be, whichever layer it is in and
// whatever the other settings are.
type rule struct {
	good func(value any) bool
	must string
}

var rules = map[string]rule{
	"listen":            {that(isAddress), "be HOST:PORT, such as 127.0.0.1:8080"},
	"path":              {that(isPath), "be a plain path, such as /ws"},
	"control":           {that(isAddress), "be HOST:PORT, such as 127.0.0.1:8081"},
	"backend":           {that(isService), "begin with http://HOST or https://HOST, and hold neither user nor fragment"},
	"max-connections":   {that(atLeastOne[int]), "be 1 or more"},
	"max-per-ip":        {that(atLeastOne[int]), "be 1 or more"},
	"rate-per-ip":       {that(isRate), "be more than 0"},
	"max-message":       {that(atLeastOne[size.Bytes]), "be 1 or more"},
	"queue-messages":    {that(atLeastOne[int]), "be 1 or more"},
	"queue-bytes":       {that(atLeastOne[size.Bytes]), "be 1 or more"},
	"resume":            {that(notNegative), "be 0s or longer"},
	"heartbeat-idle":    {that(atLeastOne[time.Duration]), "be longer than 0s"},
	"heartbeat-timeout": {that(atLeastOne[time.Duration]), "be longer than 0s"},
	"handshake-timeout": {that(atLeastOne[time.Duration]), "be longer than 0s"},
	"header-timeout":    {that(atLeastOne[time.Duration]), "be longer than 0s"},
	"drain-timeout":     {that(atLeastOne[time.Duration]), "be longer than 0s"},
	"drain-spread":      {that(notNegative), "be 0s or longer"},
	"drain-code":        {that(isDrainCode), "be 1012 or 1001"},
}

func that[T any](good func(T) bool) func(any) bool {
	return func(value any) bool { return good(value.(T)) }
}

func atLeastOne[T int | size.Bytes | time.Duration](n T) bool { return n >= 1 }

func notNegative(d time.Duration) bool { return d >= 0 }

func isRate(r float64) bool { return r > 0 && !math.IsInf(r, 0) }

func isDrainCode(code int) bool {
	return code == websocket.CloseServiceRestart || code == websocket.CloseGoingAway
}

func isAddress(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// isLoopback reports whether nothing but this machine reaches the address.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || host == "localhost" {
		return true // a bad address is told as such
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func isPath(text string) bool {
	u, err := url.Parse(text)
	return err == nil && strings.HasPrefix(text, "/") && u.Path == text && path.Clean(text) == text
}

func isService(text string) bool {
	u, err := url.Parse(text)
	return text == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil && u.Fragment == ""
}

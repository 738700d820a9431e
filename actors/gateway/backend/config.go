package backend

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tetherws/tether/messages"
	"github.com/tetherws/tether/supervision"
)

// Config is what [New] takes. Only URL is required: a zero field is its
// default, a negative one an error unless it says otherwise.
type Config struct {
	// URL is where events are posted: http or https, without user
	// information (see Header).
	URL string
	// Client posts them; nil is one that takes its proxy from the
	// environment and keeps as many connections as Concurrency. It is copied,
	// and follows no redirects whatever it says.
	Client *http.Client
	// Concurrency bounds the requests under way, of all connections together;
	// 0 is 64.
	Concurrency int
	// Timeout bounds each request, to the end of the answer; 0 is 10 s.
	Timeout time.Duration
	// Total bounds all that is done about one event, waiting included; 0 is
	// 45 s. It must be below the manager's HandlerTimeout.
	Total time.Duration
	// Retries is how often an event is repeated; 0 is 9, negative: never.
	Retries int
	// Backoff spaces them. Min 0 is 100 ms, Max 0 is 5 s or, if that is
	// longer, Min.
	Backoff supervision.Backoff
	// MaxAnswer is the longest body of an answer, in bytes; 0 is 1 MiB. A
	// longer one to what a client sent fails its connection.
	MaxAnswer int64
	// Header is added to each request: Authorization, say.
	Header http.Header
	// Secret signs the requests, as the package's documentation says; nil:
	// they are not signed.
	Secret []byte
	// Logger gets refused and lost events at Warn, retries at Debug, and
	// never a payload; nil: silent.
	Logger *slog.Logger
}

func (c Config) validate() error {
	errs := []error{
		checkURL(c.URL),
		notNegative("Concurrency", c.Concurrency),
		notNegative("Timeout", c.Timeout),
		notNegative("Total", c.Total),
		notNegative("MaxAnswer", c.MaxAnswer),
		supervision.Policy{Backoff: c.Backoff}.Validate(),
	}
	for name, values := range c.Header {
		errs = append(errs, checkHeader(name, values))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	c.Concurrency = cmp.Or(c.Concurrency, 64)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.Total = cmp.Or(c.Total, 45*time.Second)
	c.Retries = max(cmp.Or(c.Retries, 9), 0)
	c.Backoff.Min = cmp.Or(c.Backoff.Min, 100*time.Millisecond)
	c.Backoff.Max = cmp.Or(c.Backoff.Max, max(5*time.Second, c.Backoff.Min))
	c.MaxAnswer = cmp.Or(c.MaxAnswer, 1<<20)
	c.Header = canonical(c.Header)
	c.Secret = slices.Clone(c.Secret)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// checkURL does not repeat the URL in its errors: it may hold a token.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return invalid("URL cannot be parsed")
	case u.Scheme != "http" && u.Scheme != "https":
		return invalid("URL with scheme %q, must be http or https", u.Scheme)
	case u.Hostname() == "":
		return invalid("URL has no host")
	case u.User != nil:
		return invalid("URL holds user information, use Header")
	}
	return nil
}

// token is what RFC 9110, section 5.6.2, takes for the name of a header.
var token = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// ours are the headers, beside Tether's own, that are not for Config.Header.
var ours = []string{"Connection", "Content-Length", "Content-Type", "Host", "Trailer", "Transfer-Encoding", "Upgrade"}

func checkHeader(name string, values []string) error {
	canonical := textproto.CanonicalMIMEHeaderKey(name)
	switch {
	case !token.MatchString(name):
		return invalid("Header %q is not a name", name)
	case strings.HasPrefix(canonical, "Tether-"), slices.Contains(ours, canonical):
		return invalid("Header %s is set by Tether", canonical)
	case slices.ContainsFunc(values, unsendable):
		return invalid("Header %s holds a control character", canonical)
	}
	return nil
}

func unsendable(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

func canonical(h http.Header) http.Header {
	all := make(http.Header, len(h))
	for name, values := range h {
		for _, v := range values {
			all.Add(name, v)
		}
	}
	return all
}

func notNegative[N int | int64 | time.Duration](field string, v N) error {
	if v < 0 {
		return invalid("%s is %v, must not be negative", field, v)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{messages.ErrInvalid}, args...)...)
}

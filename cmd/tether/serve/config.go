package serve

import (
	"log/slog"
	"time"

	"github.com/tetherws/tether/cmd/tether/size"
)

// Config is what the gateway is told. The tags are the command's flags; the
// command line fills in the defaults that they name. [Layered] reads the
// environment and a file as well, and checks all of it.
type Config struct {
	Listen  string `group:"Where it listens" default:"127.0.0.1:8080" help:"Where clients connect."`
	Path    string `group:"Where it listens" default:"/ws" help:"The path of the WebSocket endpoint."`
	Control string `group:"Where it listens" default:"127.0.0.1:8081" help:"Where operators connect: status page, /v1, /metrics, /healthz, /readyz, /debug/pprof. Needs a token on any but a loopback address."`
	TLSCert string `group:"Where it listens" name:"tls-cert" placeholder:"FILE" help:"Certificate chain, PEM, for clients; for operators too unless they are on loopback. Read again at SIGHUP."`
	TLSKey  string `group:"Where it listens" name:"tls-key" placeholder:"FILE" help:"Its private key, PEM."`

	Echo    bool   `group:"What becomes of messages" help:"Send back what arrives, for trying."`
	Discard bool   `group:"What becomes of messages" help:"Count what arrives and drop it. This is what happens unless told otherwise."`
	Backend string `group:"What becomes of messages" placeholder:"URL" help:"POST what arrives to this HTTP service; what it answers goes back."`

	AllowOrigin    []Origin `group:"Who may connect" placeholder:"ORIGIN" help:"Origin of web pages that may connect beside our own, such as https://app.example; '*' is all. May be repeated."`
	RequireOrigin  bool     `group:"Who may connect" help:"Refuse clients without an Origin, which are those that are no browsers."`
	JWTKey         string   `group:"Who may connect" name:"jwt-key" placeholder:"FILE" help:"Only clients with a JSON Web Token that this key has signed: a secret (HS256), or a public key in PEM (RS256, EdDSA). Read again at SIGHUP."`
	JWTAudience    string   `group:"Who may connect" name:"jwt-audience" placeholder:"TEXT" help:"Audience that the token must name."`
	JWTIssuer      string   `group:"Who may connect" name:"jwt-issuer" placeholder:"TEXT" help:"Issuer that the token must name."`
	MaxConnections int      `group:"Who may connect" default:"10000" help:"Clients at once; more are refused with 503."`
	MaxPerIP       int      `group:"Who may connect" name:"max-per-ip" default:"256" help:"Clients of one address (IPv6: one /64) at once; more are refused with 429."`
	RatePerIP      float64  `group:"Who may connect" name:"rate-per-ip" default:"50" help:"Handshakes of one address per second, and four times as many at once; more are refused with 429."`
	TrustedProxy   []CIDR   `group:"Who may connect" placeholder:"CIDR" help:"Proxies whose X-Forwarded-For tells the client's address. May be repeated."`

	MaxMessage       size.Bytes    `group:"Connections" default:"64KiB" help:"Longest message of a client, after decompression: 64KiB, 16MiB, or plain bytes."`
	QueueMessages    int           `group:"Connections" default:"256" help:"Messages that may wait for one client."`
	QueueBytes       size.Bytes    `group:"Connections" default:"1MiB" help:"Bytes that may wait for one client; the longest message to one."`
	Compress         bool          `group:"Connections" help:"Agree to compression."`
	Resume           time.Duration `group:"Connections" default:"30s" help:"How long a client that speaks tether.v1 may be away and keep its ID and its queue; 0s: no time."`
	SeedHeartbeat    bool          `group:"Connections" default:"true" negatable:"" help:"Answer the message {\"heart\":1} at once."`
	HeartbeatIdle    time.Duration `group:"Connections" default:"25s" help:"Silence after which a client is pinged."`
	HeartbeatTimeout time.Duration `group:"Connections" default:"10s" help:"How long its answer may take."`
	HandshakeTimeout time.Duration `group:"Connections" default:"10s" help:"How long a handshake may take that we make."`
	HeaderTimeout    time.Duration `group:"Connections" default:"5s" help:"How long a client may take to ask for one."`

	ControlTokenFile string `group:"Operators" placeholder:"FILE" help:"Token that operators must show as 'Authorization: Bearer ...'; TETHER_CONTROL_TOKEN holds the token itself."`
	ControlToken     Secret `group:"Operators" hidden:"" help:"The token itself; not on the command line, which everybody can read."`
	ControlHost      []Host `group:"Operators" placeholder:"NAME" help:"Name under which operators reach --control, beside its addresses and localhost. May be repeated."`
	AllowPrivate     bool   `group:"Operators" help:"Let POST /v1/dial reach private and loopback addresses."`

	DrainTimeout time.Duration `group:"The end" default:"30s" help:"How long everything may take at SIGTERM or SIGINT."`
	DrainSpread  time.Duration `group:"The end" default:"5s" help:"Time over which clients are told, so that they do not come back as one herd; shorter if --drain-timeout needs it."`
	DrainCode    int           `group:"The end" default:"1012" help:"What they are told: 1012 (restart) or 1001 (going away)."`

	LogLevel  slog.Level `group:"The log" default:"info" help:"debug, info, warn or error."`
	LogFormat LogFormat  `group:"The log" default:"auto" help:"text, json, or auto: text on a terminal, else JSON."`

	Config      string `group:"This configuration" placeholder:"FILE" help:"YAML file with the names of these flags as keys; also TETHER_CONFIG."`
	PrintConfig bool   `group:"This configuration" help:"Print as YAML what all of it comes to, secrets hidden, and exit."`

	layers *layers // nil: the fields were not filled in by a command line
}

// Help is what --help says beside the flags.
func (Config) Help() string {
	return `A flag wins over its variable in the environment (--max-message: TETHER_MAX_MESSAGE; lists with commas; an empty one counts as unset), that over the file, and that over the default.

At SIGTERM or SIGINT /readyz and new clients get 503, those that are connected are told to go, and what waits is written. Status 0: all of it was done; 1: something was left, and told. A second signal ends the program at once, by that signal. SIGHUP reads certificate and keys again.`
}

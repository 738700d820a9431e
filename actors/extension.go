package actors

import (
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/gorilla/websocket"
)

// Compression is negotiated as RFC 7692, section 7.1, has it: without context
// takeover on either side, so that a connection holds no window.

const (
	extensions = "Sec-Websocket-Extensions"
	deflation  = "permessage-deflate"

	serverNoTakeover = "server_no_context_takeover"
	clientNoTakeover = "client_no_context_takeover"
	serverWindow     = "server_max_window_bits"
	clientWindow     = "client_max_window_bits"
)

// mostBits is the greatest sliding window's, as a power of two, and the one
// that is used where nothing smaller was asked for.
const mostBits = 15

// parameters are those of one permessage-deflate.
type parameters map[string]string

// deflations returns the parameters of each permessage-deflate in h, nil for
// one that is malformed, and whether h names any other extension.
func deflations(h http.Header) (all []parameters, others bool) {
	for _, line := range h[extensions] {
		for extension := range strings.SplitSeq(line, ",") {
			name, rest, more := strings.Cut(extension, ";")
			switch trim(name) {
			case deflation:
				all = append(all, parseParameters(rest, more))
			case "":
				others = others || more
			default:
				others = true
			}
		}
	}
	return all, others
}

func trim(s string) string { return strings.Trim(s, " \t") }

func parseParameters(list string, more bool) parameters {
	all := parameters{}
	for more {
		var one string
		one, list, more = strings.Cut(list, ";")
		name, value, valued := strings.Cut(one, "=")
		name, value = trim(name), strings.Trim(trim(value), `"`)
		_, twice := all[name]
		if twice || valued && value == "" || !isParameter(name, value) {
			return nil
		}
		all[name] = value
	}
	return all
}

func isParameter(name, value string) bool {
	switch name {
	case serverNoTakeover, clientNoTakeover:
		return value == ""
	case serverWindow:
		return windowBits(value) != 0
	case clientWindow:
		return value == "" || windowBits(value) != 0
	}
	return false
}

// windowBits parses the size of a window, 8 to 15; 0: it is none.
func windowBits(value string) uint8 {
	bits, err := strconv.ParseUint(value, 10, 8)
	if err != nil || bits < 8 || bits > mostBits || value[0] == '0' || value[0] == '+' {
		return 0
	}
	return uint8(bits)
}

// offered returns how large a window we may compress with for a client, by the
// first of its offers that we can agree to, and whether it wants that in the
// answer; 0: there is no such offer.
func offered(request http.Header) (bits uint8, told bool) {
	offers, _ := deflations(request)
	for _, offer := range offers {
		if offer == nil {
			continue
		}
		if value, limited := offer[serverWindow]; limited {
			return windowBits(value), true
		}
		return mostBits, false
	}
	return 0, false
}

// compression returns how large a window we compress with for a client, 0 if
// not at all, and the header of our answer. Gorilla has no part in it: it would
// agree to any offer, and ignore what it asks for.
func compression(up *websocket.Upgrader, r *http.Request, answer http.Header) (header http.Header, bits uint8) {
	enabled := up.EnableCompression
	up.EnableCompression = false
	bits, told := offered(r.Header)
	if !enabled || bits == 0 {
		return answer, 0
	}
	agreement := deflation + "; " + serverNoTakeover + "; " + clientNoTakeover
	if told {
		agreement += "; " + serverWindow + "=" + strconv.Itoa(int(bits))
	}
	header = http.Header{}
	maps.Copy(header, answer)
	header["Sec-WebSocket-Extensions"] = []string{agreement} // spelled so that gorilla lets it pass
	return header, bits
}

// agreed returns how large a window we compress with for a server, 0 if not at
// all. An answer to anything but our offer is refused (RFC 6455, section 4.1).
func agreed(offered bool, answer http.Header) (bits uint8, err error) {
	all, others := deflations(answer)
	switch {
	case len(all) == 0 && !others:
		return 0, nil
	case others || !offered || len(all) > 1 || all[0] == nil:
		return 0, errExtension
	}
	if _, limits := all[0][clientWindow]; limits {
		return 0, errExtension
	}
	return mostBits, nil
}

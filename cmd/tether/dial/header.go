package dial

import (
	"fmt"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
)

// Header is one header of the handshake.
type Header struct{ Name, Value string }

// token is what RFC 9110, section 5.6.2, takes for the name of a header.
var token = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// ours are the headers that the handshake sets.
var ours = []string{
	"Connection", "Upgrade", "Sec-Websocket-Extensions", "Sec-Websocket-Key",
	"Sec-Websocket-Protocol", "Sec-Websocket-Version",
}

// UnmarshalText reads "Name: value".
func (h *Header) UnmarshalText(text []byte) error {
	name, value, found := strings.Cut(string(text), ":")
	name, value = textproto.CanonicalMIMEHeaderKey(name), strings.TrimSpace(value)
	switch {
	case !found || !token.MatchString(name) || strings.ContainsAny(value, "\r\n\x00"):
		return fmt.Errorf("%q is not a header: write it as 'Name: value'", text)
	case slices.Contains(ours, name):
		return fmt.Errorf("%s belongs to the handshake: use --subprotocol or --compress", name)
	}
	*h = Header{name, value}
	return nil
}

func headers(list []Header) http.Header {
	all := make(http.Header, len(list))
	for _, h := range list {
		all.Add(h.Name, h.Value)
	}
	return all
}

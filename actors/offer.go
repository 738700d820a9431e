package actors

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/websocket"
	"github.com/tetherws/tether/messages"
)

// returning begins the entry of a client's subprotocols that says with what it
// comes back: a token, a dot, and the number of the last message it has handled.
const returning = Resumption + ".return."

// offer is what a client's handshake says of tether.v1.
type offer struct {
	resumes bool // it speaks it, and the embedder allows it
	known   bool // it comes back with a token that can be one of ours
	id      messages.ID
	digest  digest
	handled uint64
}

// readOffer reads r. A return that is no such thing is ErrInvalid; its token
// may be anything.
func readOffer(r *http.Request, c Client) (o offer, err error) {
	if c.Resume == 0 {
		return o, nil
	}
	protocols := websocket.Subprotocols(r)
	if o.resumes = slices.Contains(protocols, Resumption); !o.resumes {
		return o, nil
	}
	returns := 0
	for _, p := range protocols {
		if rest, ok := strings.CutPrefix(p, returning); ok {
			returns++
			if err := o.readReturn(rest); err != nil {
				return o, err
			}
		}
	}
	if returns > 1 {
		return o, invalid("subprotocol %s: it returns %d times at once", Resumption, returns)
	}
	return o, nil
}

// readReturn reads a token and a number. Its errors do not repeat them.
func (o *offer) readReturn(s string) (err error) {
	dot := strings.LastIndexByte(s, '.')
	if dot < 0 {
		return invalid("subprotocol %s: a return without a number", Resumption)
	}
	if o.handled, err = strconv.ParseUint(s[dot+1:], 10, 64); err != nil {
		return invalid("subprotocol %s: a return whose number is none", Resumption)
	}
	o.id, o.digest, o.known = parseToken(s[:dot])
	return nil
}

package drops

import "net/http"

// Reject upgrades, whatever the origin and with the first subprotocol that the
// client offers, and closes at once: the close frame, then FIN. So do servers
// that can tell a client what is wrong only after the upgrade.
//
// What the client sends is then discarded until it closes its end or the
// request's context ends. A request that is no WebSocket handshake is answered
// with 400, or 405 if it is no GET.
type Reject struct {
	// Code is sent as it is, legal or not; zero sends FIN without a close
	// frame, which the client reads as 1006. Outside 0 to 65535 the handshake
	// is answered with 500 and the error.
	Code int
	// Reason is UTF-8 text of at most 123 bytes; more is answered with 500 and
	// the error. It is not sent with Code 0.
	Reason string
}

// ServeHTTP implements http.Handler.
func (r Reject) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	last := CloseCode{Code: r.Code, Reason: r.Reason}
	if err := last.check(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	ws, err := upgrade(w, req)
	if err != nil {
		return // answered
	}
	c := Wrap(ws.NetConn())
	if r.Code != 0 {
		_, err = c.Write(frame(final|opClose, last.payload(), false))
	}
	if err == nil {
		err = c.CloseWrite()
	}
	if err != nil { // the client is gone, or a half-close is more than the conn can
		_ = c.Close()
		return
	}
	hold(req.Context(), c)
}

func (r Reject) String() string {
	return string(phrase("reject").number(r.Code).text("reason", r.Reason))
}

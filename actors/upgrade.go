package actors

import (
	"errors"
	"net/http"
	"slices"

	"github.com/gorilla/websocket"
)

// Gorilla makes the handshakes. What it lets through although RFC 6455
// refuses it is refused here.

var (
	errProtocol = errors.New("the handshake needs HTTP/1.1")
	errVersion  = errors.New("the version of the protocol is not 13")
	errKeys     = errors.New("there is more than one key")
)

// checkUpgrade answers a client's handshake that must be refused, as up wants
// refusals to be answered.
func checkUpgrade(up *websocket.Upgrader, w http.ResponseWriter, r *http.Request) error {
	status, err := misfit(r)
	if err == nil {
		return nil
	}
	if status == http.StatusUpgradeRequired {
		h := w.Header()
		h.Set("Sec-WebSocket-Version", "13")
		h.Set("Upgrade", "websocket") // RFC 9110, section 15.5.22
		h.Set("Connection", "Upgrade")
	}
	if up.Error != nil {
		up.Error(w, r, status, err)
	} else {
		http.Error(w, err.Error(), status)
	}
	return err
}

func misfit(r *http.Request) (status int, err error) {
	versions := r.Header["Sec-Websocket-Version"]
	switch {
	case !websocket.IsWebSocketUpgrade(r) || r.Method != http.MethodGet: // which gorilla refuses
	case !r.ProtoAtLeast(1, 1): // section 4.1
		return http.StatusBadRequest, errProtocol
	case len(versions) != 1 || versions[0] != "13": // section 4.4
		return http.StatusUpgradeRequired, errVersion
	case len(r.Header["Sec-Websocket-Key"]) > 1: // section 11.3.1
		return http.StatusBadRequest, errKeys
	}
	return 0, nil
}

var (
	errSubprotocol = errors.New("the server agreed to none of the subprotocols that were offered")
	errUnoffered   = errors.New("the server agreed to a subprotocol that was not offered")
	errExtension   = errors.New("the server agreed to an extension that was not offered")
)

// checkAnswer refuses a server's answer to our handshake that agrees to what
// was not offered (section 4.1). It returns how large a window we compress with.
func checkAnswer(d *websocket.Dialer, request, answer http.Header) (bits uint8, err error) {
	if err := checkSubprotocol(d, request, answer); err != nil {
		return 0, err
	}
	return agreed(d.EnableCompression, answer)
}

func checkSubprotocol(d *websocket.Dialer, request, answer http.Header) error {
	offers := d.Subprotocols
	if offers == nil {
		offers = websocket.Subprotocols(&http.Request{Header: request})
	}
	agreed := answer.Values("Sec-Websocket-Protocol")
	switch {
	case len(agreed) == 0 && len(d.Subprotocols) == 0, len(agreed) == 1 && slices.Contains(offers, agreed[0]):
		return nil
	case len(offers) == 0:
		return errUnoffered
	}
	return errSubprotocol
}
